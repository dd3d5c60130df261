// SPDX-License-Identifier: Apache-2.0
#include "app/config_table.hpp"

#include "app/config_row.hpp"
#include "app/endpoint.hpp"
#include "core/advertised_host.hpp"
#include "core/node_share.hpp"
#include "process/worker_description.hpp"

#include <cstddef>
#include <limits>
#include <utility>

namespace msd::app {

namespace {

constexpr std::int64_t host_bytes_max = 255;
constexpr std::int64_t name_bytes_max = 255;
constexpr std::int64_t port_max = std::numeric_limits<std::uint16_t>::max();

void add_common(config_rows& rows) {
    add_key(
        rows,
        "host",
        {0, host_bytes_max},
        "address or name to listen on; empty: 127.0.0.1 and [::1]",
        [](auto& c) -> auto& { return c.host; }
    );
    rows.back().readers = readers::master;
    add_key(
        rows,
        "data_dir",
        {1, text_bytes_max},
        "where services keep their data; if it has directories goods, members, purchases, stores "
        "or events, each service uses the one with its name",
        [](auto& c) -> auto& { return c.data_dir; }
    );
    rows.back().readers =
        readers::master | readers::services | readers::instance_commands | readers::store_commands;
    add_key(
        rows,
        "runtime_dir",
        {0, text_bytes_max},
        "pid file and control socket; empty: /run/msd for root, else $XDG_RUNTIME_DIR/msd, else "
        "run in the data directory; a directory in it with the name of a role is used by that role",
        [](auto& c) -> auto& { return c.runtime_dir; }
    );
    rows.back().readers = readers::master | readers::registered | readers::instance_commands;
    add_key(
        rows,
        "user",
        {0, name_bytes_max},
        "user (name or number) to switch to when started as root, once the ports are "
        "bound; empty: stay root",
        [](auto& c) -> auto& { return c.user; }
    );
    rows.back().readers = readers::master | readers::workers;
    add_key(
        rows,
        "group",
        {0, name_bytes_max},
        "group (name or number) to switch to with the user; empty: the user's own",
        [](auto& c) -> auto& { return c.group; }
    );
    rows.back().readers = readers::master | readers::workers;
    for (config_key& each : rows) { // these are the first rows
        each.needs_restart = true;
    }
}

void add_log(config_rows& rows) {
    config_key& level = rows.emplace_back();
    level.name = "log.level";
    level.text = "least severe level that is logged";
    level.choices = {"trace", "debug", "info", "warning", "error", "off"};
    level.put = [](configuration& into, const config_value& value) -> result<void> {
        [[maybe_unused]] const bool known = log::parse_level(value.text(), into.log.threshold);
        return {};
    };
    level.get = [choices = level.choices](const configuration& from) {
        return std::string{choices[static_cast<std::size_t>(from.log.threshold)]};
    };
    config_key& format = rows.emplace_back();
    format.name = "log.format";
    format.text = "text for people or JSON lines";
    format.choices = {"text", "json"};
    format.put = [](configuration& into, const config_value& value) -> result<void> {
        const bool json = value.text() == "json";
        into.log.style = json ? log::format::json : log::format::text;
        return {};
    };
    format.get = [](const configuration& from) {
        return std::string{from.log.style == log::format::json ? "json" : "text"};
    };
    add_key(
        rows,
        "log.file",
        {0, text_bytes_max},
        "file to log to; empty or \"-\": standard error",
        [](auto& c) -> auto& { return c.log.file; }
    );
}

void add_registry(config_rows& rows) {
    config_key& distributor = rows.emplace_back();
    distributor.name = "registry.distributor";
    distributor.text = "HOST:PORT of the distributor that nodes register with";
    distributor.least = 1;
    distributor.most = host_bytes_max;
    distributor.readers = readers::registry_clients;
    distributor.put = [](configuration& into, const config_value& value) -> result<void> {
        auto read = parse_endpoint(value.text(), endpoint_port::required);
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
    advertise.text = "HOST or HOST:PORT under which other nodes connect to this one; empty: the "
                     "address that the distributor sees";
    advertise.most = host_bytes_max;
    advertise.depends_on_host = true;
    advertise.readers = readers::registered | readers::distributor;
    advertise.put = [](configuration& into, const config_value& value) -> result<void> {
        const std::string& text = value.text();
        host_and_port chosen;
        if (!text.empty()) {
            auto read = parse_endpoint(text, endpoint_port::optional);
            if (!read) {
                return tl::unexpected{std::move(read.error())};
            }
            if (auto checked = core::check_advertised_host(read->host); !checked) {
                return checked;
            }
            chosen = std::move(*read);
        }
        into.membership.advertise_host = std::move(chosen.host);
        into.membership.advertise_port = chosen.port;
        return {};
    };
    advertise.get = [](const configuration& from) -> config_value {
        return endpoint_text({from.membership.advertise_host, from.membership.advertise_port});
    };
}

// What nodes tell of themselves, and when.
void add_registration(config_rows& rows) {
    add_key(
        rows,
        "registry.weight",
        {0, core::weight_max},
        "share of the requests that callers send to a service of this instance, in relation to the "
        "weights of its other nodes; 0: only when no other node is left",
        [](auto& c) -> auto& { return c.membership.weight; }
    ).readers = readers::services;
    config_key& zone = add_key(
        rows,
        "registry.zone",
        {0, core::zone_bytes_max},
        "where this instance runs, such as a rack or a data centre: callers prefer the nodes of "
        "their own zone while 70 % of them are healthy; empty: all nodes are alike",
        [](auto& c) -> auto& { return c.membership.zone; }
    );
    zone.put = [](configuration& into, const config_value& value) -> result<void> {
        into.membership.zone = value.text();
        return core::check_zone(value.text());
    };
    add_key(
        rows,
        "registry.reconnect_ms",
        {10, hour_ms},
        "pause between attempts to connect to the distributor, ± 20 %; there is none "
        "before the first",
        [](auto& c) -> auto& { return c.membership.reconnect; }
    );
}

void add_role(config_rows& rows, const role_facts& role) {
    const std::string name{role.name};
    add_key(
        rows,
        role.section() + ".port",
        {0, port_max},
        "port to listen on; 0: any free one",
        [name](auto& c) -> auto& { return c.roles.at(name).port; }
    );
    rows.back().needs_restart = true;
    const std::size_t first = rows.size() - 1;
    if (!role.is_single()) {
        add_key(
            rows,
            role.section() + ".workers",
            {0, process::workers_max},
            "worker processes; 0: one per core (msd up: at most two per service)",
            [name](auto& c) -> auto& { return c.roles.at(name).workers; }
        );
    }
    for (std::size_t row = first; row < rows.size(); ++row) {
        rows[row].role = name;
        rows[row].readers = readers::master;
    }
}

void add_services(config_rows& rows) {
    add_key(
        rows,
        "services.requests_in_flight_max",
        {1, 1'000'000},
        "requests that one worker of a service handles at once; more are refused",
        [](auto& c) -> auto& { return c.service.requests_in_flight_max; }
    );
    add_key(
        rows,
        "services.ship_logs",
        {},
        "a service also sends its log lines of level info and above to the logs service",
        [](auto& c) -> auto& { return c.service.ship_logs; }
    );
}

// `field` returns the member, a list of topics.
template <class Field>
void add_topics(config_rows& rows, const char* key, std::string text, const Field& field) {
    constexpr std::size_t topics_max = 64;
    constexpr std::int64_t topic_bytes_max = 128;
    config_key& row = rows.emplace_back();
    row.name = key;
    row.text = std::move(text);
    row.of = config::kind::texts;
    row.least = 1;
    row.most = topic_bytes_max;
    row.entries_max = topics_max;
    row.role = "events";
    row.put = [field](configuration& into, const config_value& value) -> result<void> {
        field(into) = config::texts_of(value);
        return {};
    };
    row.get = [field](const configuration& from) {
        return config::list_of(field(from));
    };
}

void add_event_rules(config_rows& rows) {
    add_topics(
        rows,
        "services.events.clients_publish",
        "topics of which HTTP clients, and nodes that are not trusted, may publish events; \"*\": "
        "all",
        [](auto& c) -> auto& { return c.service.rules.events.clients_publish; }
    );
    add_topics(
        rows,
        "services.events.clients_read",
        "topics whose events they may read; \"*\": all",
        [](auto& c) -> auto& { return c.service.rules.events.clients_read; }
    );
    const std::size_t first = rows.size();
    add_key(
        rows,
        "services.events.lease_ms",
        {100, hour_ms},
        "how long a consumer may take for an event before another one gets it",
        [](auto& c) -> auto& { return c.service.rules.events.lease; }
    );
    add_key(
        rows,
        "services.events.redelivery_ms",
        {1, minute_ms},
        "pause before an event that was not handled is handed out again; the pauses after the "
        "next failures are 5, 30 and 120 times as long, then it is a dead letter",
        [](auto& c) -> auto& { return c.service.rules.events.redelivery; }
    );
    for (std::size_t row = first; row < rows.size(); ++row) {
        rows[row].role = "events";
    }
}

// Keys that only one service reads.
void add_service_rules(config_rows& rows) {
    const auto add = [&rows](const std::string& role, const std::string& key, auto&&... how) {
        add_key(rows, "services." + role + '.' + key, std::forward<decltype(how)>(how)...);
        rows.back().role = role;
    };
    constexpr std::int64_t quantity_most = 9'007'199'254'740'991; // exact in every JSON reader
    add(
        "goods",
        "negative_prices",
        config_bounds{},
        "prices below zero are accepted",
        [](auto& c) -> auto& { return c.service.rules.negative_prices; }
    );
    add(
        "purchases",
        "quantity_max",
        config_bounds{1, quantity_most},
        "largest quantity of a purchase, and of a return",
        [](auto& c) -> auto& { return c.service.rules.quantity_max; }
    );
    add(
        "members",
        "login_failures_free",
        config_bounds{0, 1000},
        "wrong passwords for a username that are not followed by a delay; one is forgotten each "
        "minute",
        [](auto& c) -> auto& { return c.service.rules.logins.failures_free; }
    );
    add(
        "members",
        "login_delay_max_ms",
        config_bounds{0, hour_ms},
        "longest delay before the next login with such a username from an address that has not "
        "logged in with it before; 0: no delays",
        [](auto& c) -> auto& { return c.service.rules.logins.delay_max; }
    );
}

} // namespace

std::vector<config_key> make_config_table(std::span<const role_facts> roles) {
    config_rows rows;
    add_common(rows); // has to come first: it marks all rows so far
    add_group(rows, readers::master | readers::workers, add_log);
    add_group(rows, readers::registered, add_registry);
    add_group(rows, readers::registered, add_registration);
    add_group(rows, readers::workers, add_trust);
    add_group(rows, readers::distributor, add_registry_limits);
    for (const role_facts& role : roles) {
        if (role.kind == role_kind::distributor) {
            add_role(rows, role);
            add_group(rows, readers::distributor, add_distributor_figures);
        } else if (role.kind == role_kind::gateway) {
            add_role(rows, role);
            add_group(rows, readers::gateway, add_gateway_figures);
            add_group(rows, readers::gateway, add_access_log);
            add_group(rows, readers::gateway, add_limits);
            add_group(rows, readers::gateway, add_routes);
        } else if (role.kind == role_kind::admin) {
            add_group(rows, readers::master, add_admin);
        }
    }
    add_group(rows, readers::services, add_services);
    add_group(rows, readers::services | readers::store_commands, add_store);
    add_group(rows, readers::services | readers::gateway, add_cache_server);
    for (const role_facts& role : roles) {
        if (role.kind == role_kind::service) {
            add_role(rows, role);
        }
    }
    add_group(rows, readers::services, add_service_rules);
    add_group(rows, readers::services, add_event_rules);
    add_group(rows, readers::services, add_log_quotas);
    add_group(rows, readers::services, add_cache_figures);
    add_group(rows, readers::registered, add_upstream_figures);
    add_group(rows, readers::registered, add_programs);
    add_group(rows, readers::workers, add_packet_figures);
    add_group(rows, readers::master, add_supervision_figures);
    return rows;
}

} // namespace msd::app
