// SPDX-License-Identifier: Apache-2.0
#include "core/rate_quota.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

namespace msd::core {

namespace {

constexpr std::uint64_t bytes_counted_max = std::uint64_t{1} << 32; // keeps the cost in its range
constexpr std::uint64_t ns_per_s = 1'000'000'000;
constexpr std::size_t network_bytes = 8; // of an IPv6 address
constexpr milliseconds sweep_every{1000};
const std::string others; // the key of the senders that share a place

// The time that these bytes take at this rate; 0 without a limit.
clock::duration cost_of(std::uint64_t bytes, std::uint64_t per_s) {
    if (per_s == 0) {
        return {};
    }
    const auto cost = std::min(bytes, bytes_counted_max) * ns_per_s / per_s;
    return std::chrono::nanoseconds{static_cast<std::int64_t>(cost)};
}

} // namespace

std::string quota_key(std::string_view address) {
    std::string key{address};
    in6_addr parsed{};
    const auto zone = key.find('%');
    if (key.find(':') == std::string::npos ||
        inet_pton(AF_INET6, key.substr(0, zone).c_str(), &parsed) != 1) {
        return key;
    }
    std::fill(std::begin(parsed.s6_addr) + network_bytes, std::end(parsed.s6_addr), 0);
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, &parsed, text.data(), text.size());
    return std::string{text.data()} + "/64";
}

bool rate_quota::fits(time_point paid_at, clock::duration cost, time_point now) const {
    return paid_at <= now || paid_at - now + cost <= bounds_.burst;
}

bool rate_quota::take(std::string_view sender, std::uint64_t bytes, time_point now) {
    place& from = place_of(sender, now);
    const auto own = cost_of(bytes, bounds_.each_per_s);
    const auto shared = cost_of(bytes, bounds_.total_per_s);
    if (!fits(from.paid_at, own, now) || !fits(total_paid_at_, shared, now)) {
        ++from.refused;
        ++refused_.lines;
        refused_.bytes += bytes;
        return false;
    }
    from.paid_at = std::max(from.paid_at, now) + own;
    total_paid_at_ = std::max(total_paid_at_, now) + shared;
    return true;
}

rate_quota::place& rate_quota::place_of(std::string_view sender, time_point now) {
    const std::string key = quota_key(sender);
    const auto found = places_.find(key);
    if (found != places_.end()) {
        return found->second;
    }
    if (places_.size() >= bounds_.senders_max) {
        sweep(now);
    }
    return places_[places_.size() < bounds_.senders_max ? key : others];
}

// Removes the senders without a debt, which are as good as unknown. Not more often than once a
// second, so that a sender with many addresses cannot make each line cost a pass over all places.
void rate_quota::sweep(time_point now) {
    if (swept_at_ != time_point::min() && now - swept_at_ < sweep_every) {
        return;
    }
    swept_at_ = now;
    std::erase_if(places_, [now](const auto& each) {
        return each.second.paid_at <= now && each.second.refused == 0;
    });
}

rate_quota::refusals rate_quota::take_refusals() {
    std::uint64_t most = 0;
    for (auto& [sender, its] : places_) {
        if (its.refused > most) {
            most = its.refused;
            refused_.most_from = sender;
        }
        its.refused = 0;
    }
    return std::exchange(refused_, {});
}

} // namespace msd::core
