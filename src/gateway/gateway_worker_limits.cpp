// SPDX-License-Identifier: Apache-2.0
// What gateway_worker does for limits that several gateways have in common, and about refused log
// lines.
#include "base/log.hpp"
#include "core/node.hpp"
#include "gateway/gateway_worker.hpp"

#include <algorithm>
#include <utility>

namespace msd::gateway {

namespace {

constexpr std::time_t report_logs_every_s = 60;

} // namespace

result<void> gateway_worker::open_limit_store() {
    if (!make_limit_store_) {
        return {};
    }
    auto made = make_limit_store_(worker_.loop.get_executor());
    if (!made) {
        return tl::unexpected{std::move(made.error())};
    }
    limit_store_ = std::move(*made);
    context_.shared_limits = limit_store_.get();
    return {};
}

asio::awaitable<void> gateway_worker::close_limit_store() {
    context_.shared_limits = nullptr;
    if (limit_store_) {
        co_await limit_store_->stop();
    }
}

// The gateways of the registry, of which this is one.
void gateway_worker::count_gateways(const upstream::topology_news& news) {
    for (const core::node_change& change : news.changes) {
        if (change.before && change.before->info.id.name == core::gateway_name) {
            gateways_.erase(change.before->info.id);
        }
        if (change.after && change.after->info.id.name == core::gateway_name) {
            gateways_.insert(change.after->info.id);
        }
    }
    context_.gateways = std::max<std::size_t>(gateways_.size(), 1);
}

void gateway_worker::report_refused_logs() {
    const std::time_t now = std::time(nullptr);
    if (now - logs_reported_ < report_logs_every_s) {
        return;
    }
    logs_reported_ = now;
    const auto refused = log_quota_.take_refusals();
    log::warning(
        "{} log lines ({} bytes) of clients exceeded gateway.log_bytes_per_s and got 429, most of "
        "them from {}",
        refused.lines,
        refused.bytes,
        refused.most_from.empty() ? "many addresses" : refused.most_from
    );
}

} // namespace msd::gateway
