// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one table with an entry for each limit and time.
#include "app/config_row.hpp"

namespace msd::app {

void add_distributor_figures(config_rows& rows) {
    add_key(
        rows,
        "distributor.gather_first_ms",
        {0, 1000},
        "msd nodes get the first change at once, and the changes that follow within this time "
        "together",
        [](auto& c) -> auto& { return c.distributor.gather_first; }
    );
    add_key(
        rows,
        "distributor.gather_quiet_ms",
        {0, 1000},
        "other nodes get changes when there was no further change for this time",
        [](auto& c) -> auto& { return c.distributor.gather_quiet; }
    );
    add_key(
        rows,
        "distributor.gather_longest_ms",
        {0, 10'000},
        "longest delay of a change for other nodes",
        [](auto& c) -> auto& { return c.distributor.gather_longest; }
    );
    add_key(
        rows,
        "distributor.critical_for_ms",
        {0, hour_ms},
        "how long a lost node stays in the list as critical",
        [](auto& c) -> auto& { return c.distributor.critical_for; }
    );
    add_key(
        rows,
        "distributor.ping_every_ms",
        {10, hour_ms},
        "interval of pings to a silent msd node",
        [](auto& c) -> auto& { return c.distributor.ping_every; }
    );
    add_key(
        rows,
        "distributor.ping_missed_max",
        {1, 100},
        "unanswered pings after which a node is lost",
        [](auto& c) -> auto& { return c.distributor.ping_missed_max; }
    );
    add_key(
        rows,
        "distributor.queue_bytes_max",
        {64 * kib, gib, config::unit::bytes},
        "unsent bytes queued for a slow node; beyond that it gets one later list instead",
        [](auto& c) -> auto& { return c.distributor.queue_bytes_max; }
    );
    add_key(
        rows,
        "distributor.unsent_bytes_max",
        {mib, 16 * gib, config::unit::bytes},
        "unsent bytes of all nodes together; beyond that the slowest readers are closed; a list "
        "that several nodes are being sent counts once",
        [](auto& c) -> auto& { return c.distributor.unsent_bytes_max; }
    );
    add_key(
        rows,
        "distributor.list_at_accept_bytes_max",
        {0, gib, config::unit::bytes},
        "a longer list is sent only to connections that have sent a packet",
        [](auto& c) -> auto& { return c.distributor.list_at_accept_bytes_max; }
    );
}

namespace {

void add_gateway_sizes(config_rows& rows) {
    add_key(
        rows,
        "gateway.header_bytes_max",
        {1024, mib, config::unit::bytes},
        "largest request line and headers; larger ones get 431",
        [](auto& c) -> auto& { return c.gateway.header_bytes_max; }
    );
    add_key(
        rows,
        "gateway.body_bytes_max",
        {0, gib, config::unit::bytes},
        "largest request body; a larger one gets 413; packets.request_bytes_max has to be as high, "
        "at the services too",
        [](auto& c) -> auto& { return c.gateway.body_bytes_max; }
    );
    add_key(
        rows,
        "gateway.bodies_bytes_max",
        {mib, 64 * gib, config::unit::bytes},
        "bytes of request bodies that one worker holds, from their arrival until the replies of "
        "the services; a request beyond that gets 503",
        [](auto& c) -> auto& { return c.gateway.bodies_bytes_max; }
    );
    add_key(
        rows,
        "gateway.kept_replies_bytes_max",
        {64 * kib, 64 * gib, config::unit::bytes},
        "bytes of replies that one worker keeps for routes with fallback.stale; the least recently "
        "used go",
        [](auto& c) -> auto& { return c.gateway.kept_replies.bytes_max; }
    );
    add_key(
        rows,
        "gateway.kept_reply_bytes_max",
        {kib, gib, config::unit::bytes},
        "a reply with a longer body is not kept",
        [](auto& c) -> auto& { return c.gateway.kept_replies.reply_bytes_max; }
    );
}

void add_gateway_timeouts(config_rows& rows) {
    add_key(
        rows,
        "gateway.header_timeout_ms",
        {10, hour_ms},
        "time limit for the headers of a request",
        [](auto& c) -> auto& { return c.gateway.header_timeout; }
    );
    add_key(
        rows,
        "gateway.body_timeout_ms",
        {10, hour_ms},
        "time limit for the body of a request",
        [](auto& c) -> auto& { return c.gateway.body_timeout; }
    );
    add_key(
        rows,
        "gateway.keepalive_timeout_ms",
        {10, hour_ms},
        "how long an idle client connection stays open",
        [](auto& c) -> auto& { return c.gateway.keepalive_timeout; }
    );
    add_key(
        rows,
        "gateway.request_timeout_ms",
        {10, hour_ms},
        "time limit for the reply of a service, retries included; then 504",
        [](auto& c) -> auto& { return c.gateway.request_timeout; }
    );
    add_key(
        rows,
        "gateway.send_stall_timeout_ms",
        {10, hour_ms},
        "the connection of a client that receives nothing of its response for this time is closed",
        [](auto& c) -> auto& { return c.gateway.send_stall_timeout; }
    );
}

void add_cors(config_rows& rows) {
    config_key& cors = rows.emplace_back();
    cors.name = "gateway.cors";
    cors.text = "origins of web pages that may use the gateway, with commas: https://shop.example, "
                "POST/goods=https://partner.example for one route, * for any page; forms of other "
                "pages that write are refused";
    cors.most = text_bytes_max;
    cors.live = true;
    cors.put = [](configuration& into, const config_value& value) -> result<void> {
        auto read = core::allowed_origins::parse(value.text());
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        into.gateway.cors = std::move(*read);
        return {};
    };
    cors.get = [](const configuration& from) {
        return from.gateway.cors.text();
    };
}

} // namespace

void add_gateway_figures(config_rows& rows) {
    add_gateway_sizes(rows);
    add_gateway_timeouts(rows);
    add_key(
        rows,
        "gateway.connections_max",
        {1, 1'000'000},
        "largest number of client connections of one worker",
        [](auto& c) -> auto& { return c.gateway.connections_max; }
    );
    add_key(
        rows,
        "gateway.log_bytes_per_s",
        {0, gib, config::unit::bytes},
        "bytes of log lines (POST /logs) a second that one worker accepts from one client address; "
        "more are refused with 429; 0: no limit",
        [](auto& c) -> auto& { return c.gateway.log_bytes_per_s; }
    );
    config_key& status = rows.emplace_back();
    status.name = "gateway.http_status";
    status.text = "HTTP status of a service's reply: mapped from its meaning, or 200 for all as "
                  "older clients expect";
    status.choices = {"mapped", "always-200"};
    status.put = [](configuration& into, const config_value& value) -> result<void> {
        into.gateway.always_200 = value.text() == "always-200";
        return {};
    };
    status.get = [](const configuration& from) {
        return std::string{from.gateway.always_200 ? "always-200" : "mapped"};
    };
    add_cors(rows);
}

void add_upstream_figures(config_rows& rows) {
    add_key(
        rows,
        "upstream.connect_timeout_ms",
        {10, hour_ms},
        "time limit to connect to a node",
        [](auto& c) -> auto& { return c.upstream.connect_timeout; }
    );
    add_key(
        rows,
        "upstream.ping_idle_ms",
        {10, hour_ms},
        "a connection idle for this time is pinged",
        [](auto& c) -> auto& { return c.upstream.ping_idle; }
    );
    add_key(
        rows,
        "upstream.ping_timeout_ms",
        {10, hour_ms},
        "a node that does not answer a ping within this time is hung and gets no new "
        "requests",
        [](auto& c) -> auto& { return c.upstream.ping_timeout; }
    );
    add_key(
        rows,
        "upstream.forget_absent_ms",
        {0, hour_ms},
        "a node that is missing from the list is removed when the registry has been connected for "
        "this time",
        [](auto& c) -> auto& { return c.upstream.forget_absent; }
    );
    add_key(
        rows,
        "upstream.unsent_bytes_max",
        {mib, 64 * gib, config::unit::bytes},
        "bytes of unsent replies that one worker holds for slow clients",
        [](auto& c) -> auto& { return c.upstream.unsent_bytes_max; }
    );
    add_key(
        rows,
        "upstream.received_bytes_max",
        {mib, 64 * gib, config::unit::bytes},
        "bytes that one worker holds of replies that are not complete, of all nodes together; "
        "beyond "
        "that the connections that have occupied the most for the longest time are ended",
        [](auto& c) -> auto& { return c.upstream.received_bytes_max; }
    );
}

void add_cache_figures(config_rows& rows) {
    add_key(
        rows,
        "cache.ttl_ms",
        {1000, 24 * hour_ms},
        "how long an entry stays in Redis, ± 10 %; a change invalidates it at once",
        [](auto& c) -> auto& { return c.service.shared.ttl; }
    );
    add_key(
        rows,
        "cache.memory_ttl_ms",
        {0, 60'000},
        "how long a worker caches data of other services in memory: a change without a "
        "notification is visible after this time; 0: no cache",
        [](auto& c) -> auto& { return c.service.memory.ttl; }
    );
    add_key(
        rows,
        "cache.negative_ttl_ms",
        {0, 60'000},
        "how long it is cached that a row does not exist, in memory at most memory_ttl_ms",
        [](auto& c) -> auto& { return c.service.memory.negative_ttl; }
    );
    add_key(
        rows,
        "cache.memory_entries_max",
        {0, 10'000'000},
        "entries in the memory of one worker; beyond that the least recently used is "
        "evicted",
        [](auto& c) -> auto& { return c.service.memory.limits.entries_max; }
    );
    add_key(
        rows,
        "cache.memory_bytes_max",
        {0, 64 * gib, config::unit::bytes},
        "bytes of the entries in the memory of one worker",
        [](auto& c) -> auto& { return c.service.memory.limits.bytes_max; }
    );
}

void add_packet_figures(config_rows& rows) {
    add_key(
        rows,
        "packets.request_bytes_max",
        {1024, 16 * mib, config::unit::bytes},
        "largest request or registration; each escape in a string of a request counts as one byte",
        [](auto& c) -> auto& { return c.packets.request_bytes_max; }
    );
    add_key(
        rows,
        "packets.reply_bytes_max",
        {1024, 16 * mib, config::unit::bytes},
        "largest reply received",
        [](auto& c) -> auto& { return c.packets.reply_bytes_max; }
    );
    add_key(
        rows,
        "packets.input_bytes_max",
        {mib, 64 * gib, config::unit::bytes},
        "bytes that one worker holds of packets, heads and bodies that are not complete, of all "
        "clients together; beyond that the connections that have occupied the most for the longest "
        "time are ended",
        [](auto& c) -> auto& { return c.packets.input_bytes_max; }
    );
    add_key(
        rows,
        "packets.frame_timeout_ms",
        {10, hour_ms},
        "time limit from the first byte of a packet to its last",
        [](auto& c) -> auto& { return c.packets.frame_timeout; }
    );
    add_key(
        rows,
        "packets.malformed_max",
        {1, 1000},
        "malformed packets after which a connection is closed",
        [](auto& c) -> auto& { return c.packets.malformed_max; }
    );
}

namespace {

void add_restart_figures(config_rows& rows) {
    add_key(
        rows,
        "supervision.early_ms",
        {0, hour_ms},
        "the death of a worker within this time after it was ready is an early death",
        [](auto& c) -> auto& { return c.supervision.restart.early; }
    );
    add_key(
        rows,
        "supervision.forget_after_ms",
        {0, hour_ms},
        "early deaths of a worker are forgotten when it has been ready for this time",
        [](auto& c) -> auto& { return c.supervision.restart.forget_after; }
    );
    add_key(
        rows,
        "supervision.backoff_first_ms",
        {1, hour_ms},
        "pause after the first early death; it doubles with each further one",
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
        "early deaths in a pool that was never ready after which the master exits with "
        "code 70",
        [](auto& c) -> auto& { return c.supervision.restart.start_failures_max; }
    );
    add_key(
        rows,
        "supervision.spawn_window_ms",
        {100, hour_ms},
        "time window in which the replacements of a pool are limited",
        [](auto& c) -> auto& { return c.supervision.restart.spawn_window; }
    );
    add_key(
        rows,
        "supervision.spawns_per_window_min",
        {1, 10'000},
        "replacements within spawn_window_ms: at most this many …",
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
        "interval of the heartbeats of a worker's event loop",
        [](auto& c) -> auto& { return c.supervision.heartbeat_every; }
    );
    rows.back().readers = readers::master | readers::workers;
    add_key(
        rows,
        "supervision.heartbeat_timeout_ms",
        {100, hour_ms},
        "a worker without a heartbeat for this time is hung and gets ABRT, or KILL when "
        "it is stopped; at least 3 heartbeats",
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
        "a worker that crashes or hangs writes a core with everything in its memory; see "
        "core(5)",
        [](auto& c) -> auto& { return c.core_dumps; }
    );
    // Workers inherit the limit when they start.
    rows.back().readers = readers::master | readers::workers;
    add_key(
        rows,
        "supervision.upgrade_timeout_ms",
        {100, hour_ms},
        "time limit for a new program to answer whether it can take over the master",
        [](auto& c) -> auto& { return c.supervision.upgrade_timeout; }
    );
    add_key(
        rows,
        "supervision.recycle_requests",
        {0, 1'000'000'000'000},
        "a worker is replaced after this many requests, plus up to a quarter; 0: never",
        [](auto& c) -> auto& { return c.supervision.recycle.requests; }
    );
    add_key(
        rows,
        "supervision.recycle_bytes",
        {0, 1024 * gib, config::unit::bytes},
        "a worker with this much private memory is replaced, unless it had as much when "
        "new; 0: never",
        [](auto& c) -> auto& { return c.supervision.recycle.bytes; }
    );
}

} // namespace

void add_supervision_figures(config_rows& rows) {
    add_key(
        rows,
        "supervision.start_timeout_ms",
        {100, hour_ms},
        "time limit for a worker to get ready; then it is killed and counts as failed",
        [](auto& c) -> auto& { return c.supervision.start_timeout; }
    );
    add_key(
        rows,
        "supervision.drain_timeout_ms",
        {0, hour_ms},
        "time limit for a worker to drain; then it gets TERM",
        [](auto& c) -> auto& { return c.supervision.drain_timeout; }
    );
    rows.back().readers = readers::master | readers::workers;
    add_key(
        rows,
        "supervision.stop_timeout_ms",
        {10, hour_ms},
        "time limit for a worker to exit after TERM or a fast stop; then it gets KILL",
        [](auto& c) -> auto& { return c.supervision.stop_timeout; }
    );
    add_key(
        rows,
        "supervision.soak_ms",
        {0, hour_ms},
        "in a roll, how long a new worker must be ready before the old one drains",
        [](auto& c) -> auto& { return c.supervision.soak; }
    );
    add_heartbeat_figures(rows);
    add_restart_figures(rows);
}

} // namespace msd::app
