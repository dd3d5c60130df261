// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_connections.hpp"

#include "base/log.hpp"
#include "core/rate_quota.hpp"

#include <chrono>
#include <utility>

namespace msd::gateway {

namespace {

constexpr std::chrono::seconds report_every{60};

} // namespace

client_connections::place::place(client_connections& of, std::string key)
    : of_{&of},
      key_{std::move(key)} {
    ++of_->counts_[key_];
}

client_connections::place::place(place&& from) noexcept
    : of_{std::exchange(from.of_, nullptr)},
      key_{std::move(from.key_)} {}

client_connections::place::~place() {
    if (of_ == nullptr) {
        return;
    }
    const auto found = of_->counts_.find(key_);
    if (--found->second == 0) {
        of_->counts_.erase(found);
    }
}

std::optional<client_connections::place>
client_connections::take(std::string_view address, std::size_t most) {
    if (most == 0) {
        return place{};
    }
    std::string key = core::quota_key(address);
    const auto found = counts_.find(key);
    if (found != counts_.end() && found->second >= most) {
        ++refused_.connections;
        refused_.last_from = std::move(key);
        return std::nullopt;
    }
    return std::optional<place>{std::in_place, *this, std::move(key)};
}

std::optional<client_connections::refusals> client_connections::take_report(time_point now) {
    if (refused_.connections == 0 || now < report_next_) {
        return std::nullopt;
    }
    report_next_ = now + report_every;
    return std::exchange(refused_, {});
}

void client_connections::report(time_point now) {
    if (const auto refused = take_report(now)) {
        log::warning(
            "{} connections beyond gateway.connections_per_client_max were closed, the last of {}",
            refused->connections,
            refused->last_from
        );
    }
}

} // namespace msd::gateway
