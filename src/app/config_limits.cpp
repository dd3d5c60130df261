// SPDX-License-Identifier: Apache-2.0
// The keys that limit what one client gets.
#include "app/config_row.hpp"
#include "app/limit_value.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

constexpr std::int64_t limit_bytes_max = 64;
constexpr std::size_t limit_members_max = 3;

} // namespace

void add_limit_of_route(route_rows& rows) {
    static constexpr std::string_view off = "off";
    static constexpr std::string_view all = core::request_limit::all_of_route;
    config::key<core::route_settings>& limit = rows.emplace_back();
    limit.name = "limit";
    limit.text =
        "most requests of one client: \"100/s\", also /m, /h and /d; or { rate = "
        "\"100/s\", burst = 20, key = \"client\" }, where burst is how many more are "
        "accepted at once (default 1) and key says what is counted together: client, "
        "header:NAME, claim:NAME or route (all requests); a claim of the bearer token is not "
        "checked here, so the service has to refuse forged tokens; \"off\": no limit; "
        "empty: gateway.limit";
    limit.of = config::kind::text_or_table;
    limit.least = 1;
    limit.most = limit_bytes_max;
    limit.entries_max = limit_members_max;
    limit.put = [](core::route_settings& into, const config_value& value) -> result<void> {
        if (value.is_text() && value.text() == off) {
            into.limit = core::request_limit{};
            return {};
        }
        const auto read = read_limit(value, all);
        if (!read) {
            return tl::unexpected{read.error()};
        }
        into.limit = *read;
        return {};
    };
    limit.get = [](const core::route_settings& from) -> config_value {
        const bool is_off = from.limit && !from.limit->is_on();
        return is_off ? config_value{std::string{off}}
                      : value_of_limit(from.limit.value_or(core::request_limit{}), all);
    };
}

void add_limits(config_rows& rows) {
    add_key(
        rows,
        "gateway.connections_per_client_max",
        {0, 1'000'000},
        "largest number of connections that one worker has from one client address (IPv6: from one "
        "/64 network); more are closed at once; addresses in gateway.trusted_proxies are not "
        "counted; 0: no limit",
        [](auto& c) -> auto& { return c.gateway.connections_per_client_max; }
    ).live = true;
    static constexpr std::string_view all = core::request_limit::all_of_gateway;
    config_key& limit = rows.emplace_back();
    limit.name = "gateway.limit";
    limit.text = "limit of the requests for all routes without a limit of their own, counted "
                 "together for these: \"100/s\" or { rate = \"100/s\", burst = 20, key = "
                 "\"client\" } as for routes, where key is client, header:NAME, claim:NAME or all; "
                 "empty: no "
                 "limit";
    limit.of = config::kind::text_or_table;
    limit.most = limit_bytes_max;
    limit.entries_max = limit_members_max;
    limit.live = true;
    limit.put = [](configuration& into, const config_value& value) -> result<void> {
        core::request_limit made;
        if (!value.is_text() || !value.text().empty()) {
            auto read = read_limit(value, all);
            if (!read) {
                return tl::unexpected{std::move(read.error())};
            }
            made = std::move(*read);
        }
        into.gateway.limit = std::move(made);
        return {};
    };
    limit.get = [](const configuration& from) {
        return value_of_limit(from.gateway.limit, all);
    };
    config_key& store = rows.emplace_back();
    store.name = "gateway.limit_store";
    store.text = "what counts the requests for limits: the host, or the Redis of section [cache] "
                 "for all gateways that use it; without an answer within 50 ms the host counts, "
                 "and the limit is divided by the number of gateways in the registry";
    store.choices = {"host", "redis"};
    store.put = [](configuration& into, const config_value& value) -> result<void> {
        into.limits_in_redis = value.text() == "redis";
        return {};
    };
    store.get = [](const configuration& from) {
        return std::string{from.limits_in_redis ? "redis" : "host"};
    };
}

} // namespace msd::app
