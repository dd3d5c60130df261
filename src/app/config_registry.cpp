// SPDX-License-Identifier: Apache-2.0
// The keys for the limits of what nodes may register.
#include "app/config_row.hpp"

namespace msd::app {

namespace {

void add_room(config_rows& rows) {
    add_key(
        rows,
        "registry.routes_max",
        {1, 10'000'000},
        "routes of all nodes together; registrations beyond a limit are refused",
        [](auto& c) -> auto& { return c.distributor.limits.routes_max; }
    );
    add_key(
        rows,
        "registry.routes_per_address_max",
        {1, 10'000'000},
        "routes that nodes register from one address; nodes that prove the cluster secret have no "
        "limit for their address",
        [](auto& c) -> auto& { return c.distributor.limits.routes_per_address_max; }
    );
    add_key(
        rows,
        "registry.entries_per_address_max",
        {1, 1'000'000},
        "nodes that are registered from one address",
        [](auto& c) -> auto& { return c.distributor.limits.entries_per_address_max; }
    );
    add_key(
        rows,
        "registry.share_per_address_percent",
        {1, 100, config::unit::percent},
        "share of the bytes of the list (15 MiB) that nodes register from one address",
        [](auto& c) -> auto& { return c.distributor.limits.share_per_address_percent; }
    );
    add_key(
        rows,
        "registry.reserved_percent",
        {0, 90, config::unit::percent},
        "share of each limit that new nodes cannot use: it is for the growth of listed nodes",
        [](auto& c) -> auto& { return c.distributor.limits.reserved_percent; }
    );
    add_key(
        rows,
        "registry.known_for_ms",
        {0, 24 * hour_ms},
        "how long a node that left keeps its room in the list, but no longer than it was listed",
        [](auto& c) -> auto& { return c.distributor.limits.known_for; }
    );
}

} // namespace

void add_registry_limits(config_rows& rows) {
    add_room(rows);
    add_key(
        rows,
        "registry.connections_per_address_max",
        {1, 1'000'000},
        "connections to the distributor from one address",
        [](auto& c) -> auto& { return c.distributor.limits.connections_per_address_max; }
    );
    add_key(
        rows,
        "registry.changes_per_s_max",
        {1, 1'000'000},
        "registrations per second of one connection; the packets of a connection that sends more "
        "are delayed",
        [](auto& c) -> auto& { return c.distributor.limits.changes_per_s_max; }
    );
    add_key(
        rows,
        "registry.changes_burst_max",
        {2, 1'000'000},
        "registrations that a connection may send at once before that",
        [](auto& c) -> auto& { return c.distributor.limits.changes_burst_max; }
    );
}

} // namespace msd::app
