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
        "fallback.stale",
        {},
        "a GET or HEAD that the service cannot answer (502, 503 or 504 of the gateway) gets the "
        "last "
        "good reply to the same request, if a shared cache may use it",
        [](auto& r) -> auto& { return r.fallback_stale; }
    );
    add_key(
        rows,
        "fallback.stale_max_ms",
        {1, std::int64_t{7} * 24 * hour_ms},
        "if it is not older",
        [](auto& r) -> auto& { return r.fallback_stale_max; }
    );
    add_key(
        rows,
        "fallback.service",
        {1, name_bytes_max},
        "service that gets a request without a body when the route's own cannot answer, unless it "
        "may have been executed and is not idempotent; both together have the time limit of a "
        "request, of which the route's own service gets half then",
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
