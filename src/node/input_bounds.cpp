// SPDX-License-Identifier: Apache-2.0
#include "node/input_bounds.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <string_view>

namespace msd::node {

namespace {

constexpr std::size_t messages_min = 2;
constexpr std::size_t buffer_margin = std::size_t{128} << 10; // of a buffer beyond its message
constexpr milliseconds log_interval{1000};

void set_bound(
    core::input_budget& budget,
    std::size_t bytes_max,
    std::size_t message_bytes_max,
    std::string_view what
) {
    budget.set_bytes_max(std::max(bytes_max, messages_min * (message_bytes_max + buffer_margin)));
    budget.on_ended([&budget, what, next = time_point::min()](time_point now) mutable {
        if (now >= next) {
            next = now + log_interval;
            log::warning(
                "{} ({} bytes): the connections that occupied the most for the longest time are "
                "ended, {} so far",
                what,
                budget.bytes_max(),
                budget.ended()
            );
        }
    });
}

} // namespace

void bound_input(
    worker& of,
    const upstream::packet_settings& packets,
    std::size_t message_bytes_max
) {
    constexpr std::string_view text = "unfinished input exceeds packets.input_bytes_max";
    set_bound(of.input, packets.input_bytes_max, message_bytes_max, text);
}

void bound_replies(worker& of, const upstream::upstream_settings& upstream) {
    constexpr std::string_view text = "unfinished replies exceed upstream.received_bytes_max";
    set_bound(of.replies, upstream.received_bytes_max, upstream.packets.reply_bytes_max, text);
}

} // namespace msd::node
