// SPDX-License-Identifier: Apache-2.0
#include "app/config_table.hpp"

#include "process/worker_description.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <type_traits>
#include <utility>

namespace msd::app {

namespace {

using table = std::vector<config_key>;

constexpr std::int64_t path_bytes_max = 4096;
constexpr std::int64_t host_bytes_max = 255;
constexpr std::int64_t port_max = std::numeric_limits<std::uint16_t>::max();
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t gib = 1 << 30;

struct bounds {
    std::int64_t least = 0;
    std::int64_t most = 0;
};

template <class T>
config_value to_value(const T& field) {
    if constexpr (std::is_same_v<T, bool>) {
        return field;
    } else if constexpr (std::is_same_v<T, milliseconds>) {
        return std::int64_t{field.count()};
    } else if constexpr (std::is_integral_v<T>) {
        return static_cast<std::int64_t>(field);
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return field.string();
    } else {
        return field;
    }
}

// The schema has checked kind and bounds before this is called.
template <class T>
void from_value(T& field, const config_value& value) {
    if constexpr (std::is_same_v<T, bool>) {
        field = std::get<bool>(value);
    } else if constexpr (std::is_same_v<T, milliseconds>) {
        field = milliseconds{std::get<std::int64_t>(value)};
    } else if constexpr (std::is_integral_v<T>) {
        field = static_cast<T>(std::get<std::int64_t>(value));
    } else {
        field = std::get<std::string>(value);
    }
}

// `field` names the place: a function from a configuration to one of its members.
template <class Field>
void add(table& rows, std::string name, bounds within, std::string text, Field field) {
    config_key& row = rows.emplace_back();
    row.name = std::move(name);
    row.text = std::move(text);
    row.least = within.least;
    row.most = within.most;
    row.put = [field](configuration& into, const config_value& value) -> result<void> {
        from_value(field(into), value);
        return {};
    };
    row.get = [field](const configuration& from) {
        return to_value(field(from));
    };
}

void add_common(table& rows) {
    add(
        rows,
        "host",
        {0, host_bytes_max},
        "address or name to listen on; empty: 127.0.0.1 and [::1]",
        [](auto& c) -> auto& { return c.host; }
    );
    add(
        rows,
        "data_dir",
        {1, path_bytes_max},
        "where services keep their data",
        [](auto& c) -> auto& { return c.data_dir; }
    );
    add(
        rows,
        "runtime_dir",
        {0, path_bytes_max},
        "pid file and control socket; empty: /run/msd for root, else $XDG_RUNTIME_DIR/msd, else "
        "run in the data directory",
        [](auto& c) -> auto& { return c.runtime_dir; }
    );
}

void add_log(table& rows) {
    config_key& level = rows.emplace_back();
    level.name = "log.level";
    level.text = "what is logged: this and everything more severe";
    level.choices = {"trace", "debug", "info", "warning", "error", "off"};
    level.put = [](configuration& into, const config_value& value) -> result<void> {
        [[maybe_unused]] const bool known =
            log::parse_level(std::get<std::string>(value), into.log.threshold);
        return {};
    };
    level.get = [choices = level.choices](const configuration& from) {
        return std::string{choices[static_cast<std::size_t>(from.log.threshold)]};
    };
    config_key& format = rows.emplace_back();
    format.name = "log.format";
    format.text = "lines for people or JSON lines";
    format.choices = {"text", "json"};
    format.put = [](configuration& into, const config_value& value) -> result<void> {
        const bool json = std::get<std::string>(value) == "json";
        into.log.style = json ? log::format::json : log::format::text;
        return {};
    };
    format.get = [](const configuration& from) {
        return std::string{from.log.style == log::format::json ? "json" : "text"};
    };
    add(
        rows,
        "log.file",
        {0, path_bytes_max},
        "file to log to; empty: standard error",
        [](auto& c) -> auto& { return c.log.file; }
    );
}

void add_registry(table& rows) {
    config_key& distributor = rows.emplace_back();
    distributor.name = "registry.distributor";
    distributor.text = "HOST:PORT of the distributor that nodes register with";
    distributor.least = 1;
    distributor.most = host_bytes_max;
    distributor.put = [](configuration& into, const config_value& value) -> result<void> {
        auto read = parse_endpoint(std::get<std::string>(value), endpoint_port::required);
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        into.membership.distributor_host = std::move(read->host);
        into.membership.distributor_port = read->port;
        return {};
    };
    distributor.get = [](const configuration& from) {
        return process::endpoint_text(
            from.membership.distributor_host,
            from.membership.distributor_port
        );
    };
    config_key& advertise = rows.emplace_back();
    advertise.name = "registry.advertise";
    advertise.text =
        "HOST or HOST:PORT under which others reach this node; empty: what the distributor sees";
    advertise.most = host_bytes_max;
    advertise.put = [](configuration& into, const config_value& value) -> result<void> {
        const std::string& text = std::get<std::string>(value);
        host_and_port chosen;
        if (!text.empty()) {
            auto read = parse_endpoint(text, endpoint_port::optional);
            if (!read) {
                return tl::unexpected{std::move(read.error())};
            }
            chosen = std::move(*read);
        }
        into.membership.advertise_host = std::move(chosen.host);
        into.membership.advertise_port = chosen.port;
        return {};
    };
    advertise.get = [](const configuration& from) -> config_value {
        const auto& said = from.membership;
        return said.advertise_port == 0
                   ? said.advertise_host
                   : process::endpoint_text(said.advertise_host, said.advertise_port);
    };
    add(
        rows,
        "registry.reconnect_ms",
        {10, hour_ms},
        "pause between attempts to reach the distributor, ± 20 %; the first is made at once",
        [](auto& c) -> auto& { return c.membership.reconnect; }
    );
}

void add_role(table& rows, const role_facts& role) {
    const std::string name{role.name};
    add(
        rows,
        role.section() + ".port",
        {0, port_max},
        "port to listen on; 0: any free one",
        [name](auto& c) -> auto& { return c.roles.at(name).port; }
    );
    if (role.kind != role_kind::distributor) {
        add(
            rows,
            role.section() + ".workers",
            {0, process::workers_max},
            "worker processes; 0: one per core (msd up: at most two per service)",
            [name](auto& c) -> auto& { return c.roles.at(name).workers; }
        );
    }
}

void add_distributor(table& rows) {
    add(
        rows,
        "distributor.gather_first_ms",
        {0, 1000},
        "msd nodes hear of a first change at once, of those that follow within this time together",
        [](auto& c) -> auto& { return c.distributor.gather_first; }
    );
    add(
        rows,
        "distributor.gather_quiet_ms",
        {0, 1000},
        "other nodes hear of changes after this much quiet",
        [](auto& c) -> auto& { return c.distributor.gather_quiet; }
    );
    add(
        rows,
        "distributor.gather_longest_ms",
        {0, 10'000},
        "other nodes hear of a change no later than this",
        [](auto& c) -> auto& { return c.distributor.gather_longest; }
    );
    add(
        rows,
        "distributor.critical_for_ms",
        {0, hour_ms},
        "how long a node that was lost stays listed as critical",
        [](auto& c) -> auto& { return c.distributor.critical_for; }
    );
    add(
        rows,
        "distributor.ping_every_ms",
        {10, hour_ms},
        "how often a silent msd node is pinged",
        [](auto& c) -> auto& { return c.distributor.ping_every; }
    );
    add(
        rows,
        "distributor.ping_missed_max",
        {1, 100},
        "pings without an answer after which a node is lost",
        [](auto& c) -> auto& { return c.distributor.ping_missed_max; }
    );
    add(
        rows,
        "distributor.queue_bytes_max",
        {64 * 1024, gib},
        "unsent bytes a slow node may have; beyond that it gets one later list instead",
        [](auto& c) -> auto& { return c.distributor.queue_bytes_max; }
    );
}

void add_gateway(table& rows) {
    add(
        rows,
        "gateway.header_bytes_max",
        {1024, mib},
        "request line and headers; more: 431",
        [](auto& c) -> auto& { return c.gateway.header_bytes_max; }
    );
    add(
        rows,
        "gateway.body_bytes_max",
        {0, gib},
        "request body; more: 413",
        [](auto& c) -> auto& { return c.gateway.body_bytes_max; }
    );
    add(
        rows,
        "gateway.header_timeout_ms",
        {10, hour_ms},
        "time for a request's headers",
        [](auto& c) -> auto& { return c.gateway.header_timeout; }
    );
    add(
        rows,
        "gateway.body_timeout_ms",
        {10, hour_ms},
        "time for a request's body",
        [](auto& c) -> auto& { return c.gateway.body_timeout; }
    );
    add(
        rows,
        "gateway.keepalive_timeout_ms",
        {10, hour_ms},
        "how long a connection without a request is kept",
        [](auto& c) -> auto& { return c.gateway.keepalive_timeout; }
    );
    add(
        rows,
        "gateway.request_timeout_ms",
        {10, hour_ms},
        "time for the whole answer of a service, retries included; more: 504",
        [](auto& c) -> auto& { return c.gateway.request_timeout; }
    );
    add(
        rows,
        "gateway.send_stall_timeout_ms",
        {10, hour_ms},
        "a client that takes nothing of its answer for so long is closed",
        [](auto& c) -> auto& { return c.gateway.send_stall_timeout; }
    );
    add(
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

void add_services(table& rows) {
    add(
        rows,
        "services.requests_in_flight_max",
        {1, 1'000'000},
        "requests one worker of a service works on; more are refused",
        [](auto& c) -> auto& { return c.service.requests_in_flight_max; }
    );
    add(
        rows,
        "services.ship_logs",
        {},
        "log lines of level info and above also go to the logs service",
        [](auto& c) -> auto& { return c.service.ship_logs; }
    );
}

void add_upstream(table& rows) {
    add(
        rows,
        "upstream.connect_timeout_ms",
        {10, hour_ms},
        "time to connect to a node",
        [](auto& c) -> auto& { return c.upstream.connect_timeout; }
    );
    add(
        rows,
        "upstream.ping_idle_ms",
        {10, hour_ms},
        "a connection idle for so long is pinged",
        [](auto& c) -> auto& { return c.upstream.ping_idle; }
    );
    add(
        rows,
        "upstream.ping_timeout_ms",
        {10, hour_ms},
        "a ping unanswered for so long: the node hangs and gets no new requests",
        [](auto& c) -> auto& { return c.upstream.ping_timeout; }
    );
    add(
        rows,
        "upstream.forget_absent_ms",
        {0, hour_ms},
        "a node that the registry does not list is forgotten so long after it (re)connected",
        [](auto& c) -> auto& { return c.upstream.forget_absent; }
    );
    add(
        rows,
        "upstream.unsent_bytes_max",
        {mib, 64 * gib},
        "replies one worker holds for clients that are slow to take them",
        [](auto& c) -> auto& { return c.upstream.unsent_bytes_max; }
    );
}

void add_packets(table& rows) {
    add(
        rows,
        "packets.request_bytes_max",
        {1024, 16 * mib},
        "a request or registration",
        [](auto& c) -> auto& { return c.packets.request_bytes_max; }
    );
    add(
        rows,
        "packets.reply_bytes_max",
        {1024, 16 * mib},
        "a reply or topology received",
        [](auto& c) -> auto& { return c.packets.reply_bytes_max; }
    );
    add(
        rows,
        "packets.frame_timeout_ms",
        {10, hour_ms},
        "time from the first byte of a packet to its last",
        [](auto& c) -> auto& { return c.packets.frame_timeout; }
    );
    add(
        rows,
        "packets.malformed_max",
        {1, 1000},
        "the malformed packet that closes a connection",
        [](auto& c) -> auto& { return c.packets.malformed_max; }
    );
}

void add_supervision(table& rows) {
    add(
        rows,
        "supervision.start_timeout_ms",
        {100, hour_ms},
        "time for a worker to get ready; it is killed then and counts as failed",
        [](auto& c) -> auto& { return c.supervision.start_timeout; }
    );
    add(
        rows,
        "supervision.drain_timeout_ms",
        {0, hour_ms},
        "time for a worker to finish what it has begun before it is told TERM",
        [](auto& c) -> auto& { return c.supervision.drain_timeout; }
    );
    add(
        rows,
        "supervision.stop_timeout_ms",
        {10, hour_ms},
        "time to leave after TERM or a fast stop, before KILL",
        [](auto& c) -> auto& { return c.supervision.stop_timeout; }
    );
    add(
        rows,
        "supervision.early_ms",
        {0, hour_ms},
        "a worker that dies so soon after it was ready died early",
        [](auto& c) -> auto& { return c.supervision.restart.early; }
    );
    add(
        rows,
        "supervision.forget_after_ms",
        {0, hour_ms},
        "ready for so long, a worker's early deaths are forgotten",
        [](auto& c) -> auto& { return c.supervision.restart.forget_after; }
    );
    add(
        rows,
        "supervision.backoff_first_ms",
        {1, hour_ms},
        "pause after the first early death; doubles with each",
        [](auto& c) -> auto& { return c.supervision.restart.backoff_first; }
    );
    add(
        rows,
        "supervision.backoff_max_ms",
        {1, hour_ms},
        "longest pause after an early death",
        [](auto& c) -> auto& { return c.supervision.restart.backoff_max; }
    );
    add(
        rows,
        "supervision.start_failures_max",
        {1, 1000},
        "so many early deaths in a pool that was never ready end the master with exit code 70",
        [](auto& c) -> auto& { return c.supervision.restart.start_failures_max; }
    );
    add(
        rows,
        "supervision.spawn_window_ms",
        {100, hour_ms},
        "time within which replacements of a pool are capped",
        [](auto& c) -> auto& { return c.supervision.restart.spawn_window; }
    );
    add(
        rows,
        "supervision.spawns_per_window_min",
        {1, 10'000},
        "replacements within spawn_window_ms: at most this many",
        [](auto& c) -> auto& { return c.supervision.restart.spawns_per_window_min; }
    );
    add(
        rows,
        "supervision.spawns_per_worker",
        {1, 1000},
        "… or this many for each worker of the pool, if that is more",
        [](auto& c) -> auto& { return c.supervision.restart.spawns_per_worker; }
    );
}

} // namespace

std::vector<config_key> make_config_table(std::span<const role_facts> roles) {
    table rows;
    add_common(rows);
    add_log(rows);
    add_registry(rows);
    for (const role_facts& role : roles) {
        if (role.kind == role_kind::distributor) {
            add_role(rows, role);
            add_distributor(rows);
        } else if (role.kind == role_kind::gateway) {
            add_role(rows, role);
            add_gateway(rows);
        }
    }
    add_services(rows);
    for (const role_facts& role : roles) {
        if (role.kind == role_kind::service) {
            add_role(rows, role);
        }
    }
    add_upstream(rows);
    add_packets(rows);
    add_supervision(rows);
    return rows;
}

} // namespace msd::app
