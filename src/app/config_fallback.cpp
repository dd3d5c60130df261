// SPDX-License-Identifier: Apache-2.0
// The keys fallback.* of a route.
#include "app/config_row.hpp"

namespace msd::app {

namespace {

constexpr std::int64_t name_bytes_max = 255;
constexpr std::int64_t body_text_bytes_max = 64 * kib;

using canned_reply = core::route_settings::canned_reply;

// It exists from the first of its keys on.
canned_reply& reply_of(core::route_settings& route) {
    if (!route.fallback_reply) {
        route.fallback_reply = canned_reply{};
    }
    return *route.fallback_reply;
}

const canned_reply& reply_of(const core::route_settings& route) {
    static const canned_reply none{};
    return route.fallback_reply ? *route.fallback_reply : none;
}

} // namespace

void add_fallback_of_route(route_rows& rows) {
    add_key(
        rows,
        "fallback.service",
        {1, name_bytes_max},
        "service that gets a request without a body when the route's own cannot answer (502, 503 "
        "or 504 of the gateway), unless it may have been executed and is not idempotent",
        [](auto& r) -> auto& { return r.fallback_service; }
    );
    add_key(
        rows,
        "fallback.status",
        {200, 599},
        "instead: status of a fixed reply for these requests",
        [](auto& r) -> auto& { return reply_of(r).status; }
    );
    add_key(
        rows,
        "fallback.type",
        {1, name_bytes_max},
        "media type of its body",
        [](auto& r) -> auto& { return reply_of(r).type; }
    );
    add_key(
        rows,
        "fallback.body",
        {0, body_text_bytes_max},
        "its body",
        [](auto& r) -> auto& { return reply_of(r).body; }
    ).has_lines = true;
}

} // namespace msd::app
