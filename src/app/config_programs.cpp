// SPDX-License-Identifier: Apache-2.0
// The keys of [upstream.NAME]: HTTP programs behind the gateway.
#include "app/config_policies.hpp"
#include "app/config_row.hpp"
#include "app/route_rules.hpp"
#include "config/entries.hpp"
#include "core/route_settings.hpp"

namespace msd::app {

namespace {

using core::upstream_program_settings;

constexpr std::int64_t address_bytes_max = 300;
constexpr std::int64_t idle_connections_most = 10'000;
constexpr std::size_t addresses_max = 256;
constexpr std::size_t programs_max = 10'000;
constexpr std::size_t name_bytes_max = 255;

void add_addresses(program_rows& rows) {
    config::key<upstream_program_settings>& row = rows.emplace_back();
    row.name = "addresses";
    row.text = "HOST:PORT of the programs, which speak HTTP/1.1; empty: those of the registry";
    row.of = config::kind::texts;
    row.least = 1;
    row.most = address_bytes_max;
    row.entries_max = addresses_max;
    row.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.addresses.clear();
        for (const std::string& each : config::texts_of(value)) {
            auto address = parse_program_address(each);
            if (!address) {
                return tl::unexpected{std::move(address.error())};
            }
            into.addresses.push_back(std::move(*address));
        }
        return {};
    };
    row.get = [](const upstream_program_settings& from) {
        return config::list_of(from.addresses);
    };
}

void add_fields(program_rows& rows) {
    using host_field = upstream_program_settings::host_field;
    config::key<upstream_program_settings>& host = rows.emplace_back();
    host.name = "host";
    host.text = "Host that the programs receive: that of the request, or their own address";
    host.choices = {"keep", "upstream"};
    host.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.host = value.text() == "keep" ? host_field::keep : host_field::upstream;
        return {};
    };
    host.get = [](const upstream_program_settings& from) {
        return std::string{from.host == host_field::keep ? "keep" : "upstream"};
    };
    add_key(
        rows,
        "forwarded",
        {},
        "the programs receive Forwarded (RFC 7239) beside X-Forwarded-For, -Proto and -Host",
        [](auto& p) -> auto& { return p.forwarded; }
    );
}

void add_times(program_rows& rows) {
    add_key(
        rows,
        "connect_timeout_ms",
        {10, hour_ms},
        "time limit to connect to a program",
        [](auto& p) -> auto& { return p.connect_timeout; }
    );
    add_key(
        rows,
        "first_byte_timeout_ms",
        {10, 24 * hour_ms},
        "time limit from the end of the request to the head of the reply",
        [](auto& p) -> auto& { return p.first_byte_timeout; }
    );
    add_key(
        rows,
        "between_bytes_timeout_ms",
        {10, 24 * hour_ms},
        "time limit for the next bytes of a reply",
        [](auto& p) -> auto& { return p.between_bytes_timeout; }
    );
    add_key(
        rows,
        "tunnel_idle_timeout_ms",
        {10, 24 * hour_ms},
        "an upgraded connection (WebSocket) without a byte for this time is closed",
        [](auto& p) -> auto& { return p.tunnel_idle_timeout; }
    );
    add_key(
        rows,
        "idle_timeout_ms",
        {0, 24 * hour_ms},
        "how long an idle connection to a program is kept; 0: none is kept",
        [](auto& p) -> auto& { return p.idle_timeout; }
    );
    add_key(
        rows,
        "idle_connections_max",
        {0, idle_connections_most},
        "idle connections that one worker keeps to one address",
        [](auto& p) -> auto& { return p.idle_connections_max; }
    );
}

const config::schema<upstream_program_settings>& program_schema() {
    static const config::schema<upstream_program_settings> made{[] {
        program_rows rows;
        add_addresses(rows);
        add_fields(rows);
        add_times(rows);
        add_policies(rows);
        return rows;
    }()};
    return made;
}

// Names that begin with "/" are those of --route.
void finish_program(upstream_program_settings& made, const config::complaint& complain) {
    if (made.name == config::default_entry && !made.addresses.empty()) {
        complain("addresses", "belong to a service: write [upstream.NAME]");
    }
    if (made.name.empty() || made.name.size() > name_bytes_max ||
        made.name.find('/') != std::string::npos) {
        complain("", "is not the name of a service");
    }
}

} // namespace

void add_programs(config_rows& rows) {
    config_key& programs = rows.emplace_back();
    programs.name = "upstream.*";
    programs.text = "how the service NAME is called, which is of the registry or HTTP programs for "
                    "routes with service = \"NAME\"; [upstream.default] has the values that other "
                    "services start from";
    programs.of = config::kind::named;
    programs.entries_max = programs_max;
    programs.live = true;
    config::make_entries_key<configuration, upstream_program_settings>(
        programs,
        {&program_schema(), finish_program},
        [](auto& c) -> auto& { return c.gateway.programs; }
    );
}

} // namespace msd::app
