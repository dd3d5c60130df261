// SPDX-License-Identifier: Apache-2.0
#include "app/config_row.hpp"

namespace msd::app {

void add_distributor_figures(config_rows& rows) {
    add_key(
        rows,
        "distributor.gather_first_ms",
        {0, 1000},
        "msd nodes hear of a first change at once, of those that follow within this time together",
        [](auto& c) -> auto& { return c.distributor.gather_first; }
    );
    add_key(
        rows,
        "distributor.gather_quiet_ms",
        {0, 1000},
        "other nodes hear of changes after this much quiet",
        [](auto& c) -> auto& { return c.distributor.gather_quiet; }
    );
    add_key(
        rows,
        "distributor.gather_longest_ms",
        {0, 10'000},
        "other nodes hear of a change no later than this",
        [](auto& c) -> auto& { return c.distributor.gather_longest; }
    );
    add_key(
        rows,
        "distributor.critical_for_ms",
        {0, hour_ms},
        "how long a node that was lost stays listed as critical",
        [](auto& c) -> auto& { return c.distributor.critical_for; }
    );
    add_key(
        rows,
        "distributor.ping_every_ms",
        {10, hour_ms},
        "how often a silent msd node is pinged",
        [](auto& c) -> auto& { return c.distributor.ping_every; }
    );
    add_key(
        rows,
        "distributor.ping_missed_max",
        {1, 100},
        "pings without an answer after which a node is lost",
        [](auto& c) -> auto& { return c.distributor.ping_missed_max; }
    );
    add_key(
        rows,
        "distributor.queue_bytes_max",
        {64 * kib, gib},
        "unsent bytes a slow node may have; beyond that it gets one later list instead",
        [](auto& c) -> auto& { return c.distributor.queue_bytes_max; }
    );
}

void add_gateway_figures(config_rows& rows) {
    add_key(
        rows,
        "gateway.header_bytes_max",
        {1024, mib},
        "request line and headers; more: 431",
        [](auto& c) -> auto& { return c.gateway.header_bytes_max; }
    );
    add_key(
        rows,
        "gateway.body_bytes_max",
        {0, gib},
        "request body; more: 413; packets.request_bytes_max has to be as high, at the services too",
        [](auto& c) -> auto& { return c.gateway.body_bytes_max; }
    );
    add_key(
        rows,
        "gateway.bodies_bytes_max",
        {mib, 64 * gib},
        "all request bodies that one worker holds while it receives them and until their services "
        "answer; more: 503",
        [](auto& c) -> auto& { return c.gateway.bodies_bytes_max; }
    );
    add_key(
        rows,
        "gateway.header_timeout_ms",
        {10, hour_ms},
        "time for a request's headers",
        [](auto& c) -> auto& { return c.gateway.header_timeout; }
    );
    add_key(
        rows,
        "gateway.body_timeout_ms",
        {10, hour_ms},
        "time for a request's body",
        [](auto& c) -> auto& { return c.gateway.body_timeout; }
    );
    add_key(
        rows,
        "gateway.keepalive_timeout_ms",
        {10, hour_ms},
        "how long a connection without a request is kept",
        [](auto& c) -> auto& { return c.gateway.keepalive_timeout; }
    );
    add_key(
        rows,
        "gateway.request_timeout_ms",
        {10, hour_ms},
        "time for the whole answer of a service, retries included; more: 504",
        [](auto& c) -> auto& { return c.gateway.request_timeout; }
    );
    add_key(
        rows,
        "gateway.send_stall_timeout_ms",
        {10, hour_ms},
        "a client that takes nothing of its answer for so long is closed",
        [](auto& c) -> auto& { return c.gateway.send_stall_timeout; }
    );
    add_key(
        rows,
        "gateway.connections_max",
        {1, 1'000'000},
        "client connections of one worker",
        [](auto& c) -> auto& { return c.gateway.connections_max; }
    );
    config_key& status = rows.emplace_back();
    status.name = "gateway.http_status";
    status.text =
        "status of a service's reply: by its meaning, or 200 for all as old clients expect";
    status.choices = {"mapped", "always-200"};
    status.put = [](configuration& into, const config_value& value) -> result<void> {
        into.gateway.always_200 = std::get<std::string>(value) == "always-200";
        return {};
    };
    status.get = [](const configuration& from) {
        return std::string{from.gateway.always_200 ? "always-200" : "mapped"};
    };
}

void add_upstream_figures(config_rows& rows) {
    add_key(
        rows,
        "upstream.connect_timeout_ms",
        {10, hour_ms},
        "time to connect to a node",
        [](auto& c) -> auto& { return c.upstream.connect_timeout; }
    );
    add_key(
        rows,
        "upstream.ping_idle_ms",
        {10, hour_ms},
        "a connection idle for so long is pinged",
        [](auto& c) -> auto& { return c.upstream.ping_idle; }
    );
    add_key(
        rows,
        "upstream.ping_timeout_ms",
        {10, hour_ms},
        "a ping unanswered for so long: the node hangs and gets no new requests",
        [](auto& c) -> auto& { return c.upstream.ping_timeout; }
    );
    add_key(
        rows,
        "upstream.forget_absent_ms",
        {0, hour_ms},
        "a node that the registry does not list is forgotten so long after it (re)connected",
        [](auto& c) -> auto& { return c.upstream.forget_absent; }
    );
    add_key(
        rows,
        "upstream.unsent_bytes_max",
        {mib, 64 * gib},
        "replies one worker holds for clients that are slow to take them",
        [](auto& c) -> auto& { return c.upstream.unsent_bytes_max; }
    );
}

void add_cache_figures(config_rows& rows) {
    add_key(
        rows,
        "cache.ttl_ms",
        {1000, 24 * hour_ms},
        "how long Redis keeps what a service owns, ± 10 %; changes are told to it",
        [](auto& c) -> auto& { return c.service.shared.ttl; }
    );
    add_key(
        rows,
        "cache.memory_ttl_ms",
        {0, 60'000},
        "how long a worker keeps in memory what other services own: a change that it is not told "
        "of is seen after so long; 0: not at all",
        [](auto& c) -> auto& { return c.service.memory.ttl; }
    );
    add_key(
        rows,
        "cache.negative_ttl_ms",
        {0, 60'000},
        "how long it is remembered that something does not exist, in memory at most memory_ttl_ms",
        [](auto& c) -> auto& { return c.service.memory.negative_ttl; }
    );
    add_key(
        rows,
        "cache.memory_entries_max",
        {0, 10'000'000},
        "entries one worker keeps in memory; who is used longest ago makes room",
        [](auto& c) -> auto& { return c.service.memory.limits.entries_max; }
    );
    add_key(
        rows,
        "cache.memory_bytes_max",
        {0, 64 * gib},
        "… and their bytes",
        [](auto& c) -> auto& { return c.service.memory.limits.bytes_max; }
    );
}

void add_packet_figures(config_rows& rows) {
    add_key(
        rows,
        "packets.request_bytes_max",
        {1024, 16 * mib},
        "a request, each escape in its strings counted as one byte, or a registration",
        [](auto& c) -> auto& { return c.packets.request_bytes_max; }
    );
    add_key(
        rows,
        "packets.reply_bytes_max",
        {1024, 16 * mib},
        "a reply received",
        [](auto& c) -> auto& { return c.packets.reply_bytes_max; }
    );
    add_key(
        rows,
        "packets.frame_timeout_ms",
        {10, hour_ms},
        "time from the first byte of a packet to its last",
        [](auto& c) -> auto& { return c.packets.frame_timeout; }
    );
    add_key(
        rows,
        "packets.malformed_max",
        {1, 1000},
        "the malformed packet that closes a connection",
        [](auto& c) -> auto& { return c.packets.malformed_max; }
    );
}

namespace {

void add_restart_figures(config_rows& rows) {
    add_key(
        rows,
        "supervision.early_ms",
        {0, hour_ms},
        "a worker that dies so soon after it was ready died early",
        [](auto& c) -> auto& { return c.supervision.restart.early; }
    );
    add_key(
        rows,
        "supervision.forget_after_ms",
        {0, hour_ms},
        "ready for so long, a worker's early deaths are forgotten",
        [](auto& c) -> auto& { return c.supervision.restart.forget_after; }
    );
    add_key(
        rows,
        "supervision.backoff_first_ms",
        {1, hour_ms},
        "pause after the first early death; doubles with each",
        [](auto& c) -> auto& { return c.supervision.restart.backoff_first; }
    );
    add_key(
        rows,
        "supervision.backoff_max_ms",
        {1, hour_ms},
        "longest pause after an early death",
        [](auto& c) -> auto& { return c.supervision.restart.backoff_max; }
    );
    add_key(
        rows,
        "supervision.start_failures_max",
        {1, 1000},
        "so many early deaths in a pool that was never ready end the master with exit code 70",
        [](auto& c) -> auto& { return c.supervision.restart.start_failures_max; }
    );
    add_key(
        rows,
        "supervision.spawn_window_ms",
        {100, hour_ms},
        "time within which replacements of a pool are capped",
        [](auto& c) -> auto& { return c.supervision.restart.spawn_window; }
    );
    add_key(
        rows,
        "supervision.spawns_per_window_min",
        {1, 10'000},
        "replacements within spawn_window_ms: at most this many",
        [](auto& c) -> auto& { return c.supervision.restart.spawns_per_window_min; }
    );
    add_key(
        rows,
        "supervision.spawns_per_worker",
        {1, 1000},
        "… or this many for each worker of the pool, if that is more",
        [](auto& c) -> auto& { return c.supervision.restart.spawns_per_worker; }
    );
}

void add_heartbeat_figures(config_rows& rows) {
    add_key(
        rows,
        "supervision.heartbeat_every_ms",
        {10, hour_ms},
        "how often a worker's event loop says that it turns",
        [](auto& c) -> auto& { return c.supervision.heartbeat_every; }
    );
    add_key(
        rows,
        "supervision.heartbeat_timeout_ms",
        {100, hour_ms},
        "a worker silent for so long hangs: ABRT, KILL when stopped; 3 heartbeats at least",
        [](auto& c) -> auto& { return c.supervision.heartbeat_timeout; }
    );
    add_key(
        rows,
        "supervision.abort_grace_ms",
        {10, hour_ms},
        "time to write a core after ABRT, before KILL",
        [](auto& c) -> auto& { return c.supervision.abort_grace; }
    );
    add_key(
        rows,
        "supervision.core_dumps",
        {},
        "a worker that crashes or hangs leaves a core, with all it had in memory; see core(5)",
        [](auto& c) -> auto& { return c.core_dumps; }
    );
    add_key(
        rows,
        "supervision.upgrade_timeout_ms",
        {100, hour_ms},
        "time for a new program to say whether it can take the master over",
        [](auto& c) -> auto& { return c.supervision.upgrade_timeout; }
    );
    add_key(
        rows,
        "supervision.recycle_requests",
        {0, 1'000'000'000'000},
        "a worker that answered so many requests, and up to a quarter more, is replaced; 0: never",
        [](auto& c) -> auto& { return c.supervision.recycle.requests; }
    );
    add_key(
        rows,
        "supervision.recycle_bytes",
        {0, 1024 * gib},
        "a worker with so much private memory is replaced, if it had less when new; 0: never",
        [](auto& c) -> auto& { return c.supervision.recycle.bytes; }
    );
}

} // namespace

void add_supervision_figures(config_rows& rows) {
    add_key(
        rows,
        "supervision.start_timeout_ms",
        {100, hour_ms},
        "time for a worker to get ready; it is killed then and counts as failed",
        [](auto& c) -> auto& { return c.supervision.start_timeout; }
    );
    add_key(
        rows,
        "supervision.drain_timeout_ms",
        {0, hour_ms},
        "time for a worker to finish what it has begun before it is told TERM",
        [](auto& c) -> auto& { return c.supervision.drain_timeout; }
    );
    add_key(
        rows,
        "supervision.stop_timeout_ms",
        {10, hour_ms},
        "time to leave after TERM or a fast stop, before KILL",
        [](auto& c) -> auto& { return c.supervision.stop_timeout; }
    );
    add_key(
        rows,
        "supervision.soak_ms",
        {0, hour_ms},
        "in a roll a new worker must have been ready for so long before an old one drains",
        [](auto& c) -> auto& { return c.supervision.soak; }
    );
    add_heartbeat_figures(rows);
    add_restart_figures(rows);
}

} // namespace msd::app
