// SPDX-License-Identifier: Apache-2.0
// The keys of [[gateway.routes]], and the addresses of proxies that the gateway believes.
#include "app/config_row.hpp"
#include "app/route_rules.hpp"
#include "config/entries.hpp"
#include "core/address_list.hpp"
#include "core/route_settings.hpp"
#include "core/service_share.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace msd::app {

namespace {

using core::route_settings;

constexpr std::int64_t name_bytes_max = 255;
constexpr std::int64_t path_bytes_max = 2048;
constexpr std::int64_t body_text_bytes_max = 64 * kib;
constexpr std::int64_t weight_max = 1'000'000;
constexpr std::size_t routes_max = 20'000;
constexpr std::size_t hosts_max = 64;
constexpr std::size_t methods_max = 32;
constexpr std::size_t split_max = 32;

void add_matching(route_rows& rows) {
    add_key(
        rows,
        "name",
        {0, name_bytes_max},
        "name of the route in logs and lists; empty: its path",
        [](auto& r) -> auto& { return r.name; }
    );
    config::key<route_settings>& hosts = rows.emplace_back();
    hosts.name = "hosts";
    hosts.text = "hosts of the requests, *.shop.example for every host below shop.example; empty: "
                 "any host";
    hosts.of = config::kind::texts;
    hosts.least = 1;
    hosts.most = name_bytes_max;
    hosts.entries_max = hosts_max;
    hosts.put = [](route_settings& into, const config_value& value) -> result<void> {
        into.hosts.clear();
        for (const std::string& each : config::texts_of(value)) {
            auto host = parse_route_host(each);
            if (!host) {
                return tl::unexpected{std::move(host.error())};
            }
            into.hosts.push_back(std::move(*host));
        }
        return {};
    };
    hosts.get = [](const route_settings& from) {
        return config::list_of(from.hosts);
    };
    config::key<route_settings>& path = add_key(
        rows,
        "path",
        {1, path_bytes_max},
        "path of the requests; one that ends in / is a prefix, {id} stands for any segment",
        [](auto& r) -> auto& { return r.path; }
    );
    path.put = [](route_settings& into, const config_value& value) -> result<void> {
        into.path = value.text();
        return check_route_path(into.path);
    };
    config::key<route_settings>& methods = rows.emplace_back();
    methods.name = "methods";
    methods.text = "methods of the requests; empty: any";
    methods.of = config::kind::texts;
    methods.least = 1;
    methods.most = name_bytes_max;
    methods.entries_max = methods_max;
    methods.put = [](route_settings& into, const config_value& value) -> result<void> {
        into.methods = config::texts_of(value);
        for (const std::string& each : into.methods) {
            if (auto checked = check_route_method(each); !checked) {
                return checked;
            }
        }
        return {};
    };
    methods.get = [](const route_settings& from) {
        return config::list_of(from.methods);
    };
}

void add_split(route_rows& rows) {
    config::key<route_settings>& split = rows.emplace_back();
    split.name = "split";
    split.text = "services with their shares, for example { api = 95, api-next = 5 }";
    split.of = config::kind::weights;
    split.most = weight_max;
    split.entries_max = split_max;
    split.put = [](route_settings& into, const config_value& value) -> result<void> {
        into.split.clear();
        for (const config::member& each : value.members()) {
            into.split.emplace_back(each.name, static_cast<unsigned>(each.what.integer()));
        }
        const bool has_share =
            std::ranges::any_of(into.split, [](const auto& each) { return each.second > 0; });
        return has_share ? result<void>{} : fail(errc::invalid, "needs a share above 0");
    };
    split.get = [](const route_settings& from) {
        config::table made;
        for (const auto& [name, share] : from.split) {
            made.push_back({name, 0, std::int64_t{share}});
        }
        return made;
    };
    config::key<route_settings>& by = rows.emplace_back();
    by.name = "split_by";
    by.text = "what decides which share a request belongs to: the address of the client, a cookie "
              "that the gateway sets, or each request by itself";
    by.choices = {"request", "client", "cookie"}; // as in share_key
    by.put = [](route_settings& into, const config_value& value) -> result<void> {
        into.split_by = value.text() == "request"  ? route_settings::share_key::request
                        : value.text() == "client" ? route_settings::share_key::client
                                                   : route_settings::share_key::cookie;
        return {};
    };
    by.get = [choices = by.choices](const route_settings& from) {
        return std::string{choices[static_cast<std::size_t>(from.split_by)]};
    };
}

// The inline tables of a reply without a service exist from the first of their keys on.
route_settings::canned_redirect& redirect_of(route_settings& route) {
    if (!route.redirect) {
        route.redirect = route_settings::canned_redirect{};
    }
    return *route.redirect;
}

const route_settings::canned_redirect& redirect_of(const route_settings& route) {
    static const route_settings::canned_redirect none{};
    return route.redirect ? *route.redirect : none;
}

route_settings::canned_reply& reply_of(route_settings& route) {
    if (!route.respond) {
        route.respond = route_settings::canned_reply{};
    }
    return *route.respond;
}

const route_settings::canned_reply& reply_of(const route_settings& route) {
    static const route_settings::canned_reply none{};
    return route.respond ? *route.respond : none;
}

void add_replies(route_rows& rows) {
    constexpr std::array<std::int64_t, 5> redirects{301, 302, 303, 307, 308};
    config::key<route_settings>& status = add_key(
        rows,
        "redirect.status",
        {redirects.front(), redirects.back()},
        "status of a redirect: 301, 302, 303, 307 or 308",
        [](auto& r) -> auto& { return redirect_of(r).status; }
    );
    status.put = [redirects](route_settings& into, const config_value& value) -> result<void> {
        if (std::ranges::find(redirects, value.integer()) == redirects.end()) {
            return fail(
                errc::invalid,
                fmt::format("{} is not one of {}", value.integer(), fmt::join(redirects, ", "))
            );
        }
        redirect_of(into).status = static_cast<int>(value.integer());
        return {};
    };
    config::key<route_settings>& location = add_key(
        rows,
        "redirect.location",
        {1, path_bytes_max},
        "where the client is sent; {path} and {query} stand for those of the request",
        [](auto& r) -> auto& { return redirect_of(r).location; }
    );
    location.put = [](route_settings& into, const config_value& value) -> result<void> {
        redirect_of(into).location = value.text();
        return check_redirect_location(value.text());
    };
    add_key(
        rows,
        "respond.status",
        {200, 599},
        "status of a reply that the gateway makes itself",
        [](auto& r) -> auto& { return reply_of(r).status; }
    );
    add_key(
        rows,
        "respond.type",
        {1, name_bytes_max},
        "media type of its body",
        [](auto& r) -> auto& { return reply_of(r).type; }
    );
    add_key(
        rows,
        "respond.body",
        {0, body_text_bytes_max},
        "its body",
        [](auto& r) -> auto& { return reply_of(r).body; }
    ).has_lines = true;
}

void add_treatment(route_rows& rows) {
    add_key(
        rows,
        "strip_prefix",
        {},
        "the service gets the path without the route's prefix: /api/x as /x",
        [](auto& r) -> auto& { return r.strip_prefix; }
    );
    add_key(
        rows,
        "timeout_ms",
        {0, hour_ms},
        "time limit for the head of the reply; 0: gateway.request_timeout_ms for packet services, "
        "the "
        "times of the upstream for web programs",
        [](auto& r) -> auto& { return r.timeout; }
    );
    config::key<route_settings>& body = rows.emplace_back();
    body.name = "body_bytes_max";
    body.text = "largest request body; -1: gateway.body_bytes_max";
    body.of = config::kind::integer;
    body.in = config::unit::bytes;
    body.least = -1;
    body.most = 1024 * gib;
    body.put = [](route_settings& into, const config_value& value) -> result<void> {
        into.body_bytes_max.reset();
        if (value.integer() >= 0) {
            into.body_bytes_max = static_cast<std::size_t>(value.integer());
        }
        return {};
    };
    body.get = [](const route_settings& from) {
        return from.body_bytes_max ? static_cast<std::int64_t>(*from.body_bytes_max) : -1;
    };
}

const config::schema<route_settings>& route_schema() {
    static const config::schema<route_settings> made{[] {
        route_rows rows;
        add_matching(rows);
        add_key(
            rows,
            "service",
            {1, name_bytes_max},
            "service that gets the requests, of the registry or of [upstream.NAME]",
            [](auto& r) -> auto& { return r.service; }
        );
        add_split(rows);
        add_replies(rows);
        add_limit_of_route(rows);
        add_fallback_of_route(rows);
        add_treatment(rows);
        return rows;
    }()};
    return made;
}

// What the keys of a route mean together.
void finish_route(route_settings& made, const config::complaint& complain) {
    if (made.path.empty()) {
        complain("path", "is missing");
    } else if (made.strip_prefix && !made.path.ends_with('/')) {
        complain("strip_prefix", "needs a path that ends in /");
    }
    const std::array<std::pair<std::string_view, bool>, 4> targets{{
        {"service", !made.service.empty()},
        {"split", !made.split.empty()},
        {"redirect", made.redirect.has_value()},
        {"respond", made.respond.has_value()},
    }};
    std::vector<std::string_view> chosen;
    for (const auto& [name, is_set] : targets) {
        if (is_set) {
            chosen.push_back(name);
        }
    }
    if (chosen.empty()) {
        complain("", "needs one of service, split, redirect and respond");
    } else if (chosen.size() > 1) {
        complain("", fmt::format("has {}: only one is allowed", fmt::join(chosen, " and ")));
    }
    if (made.redirect && made.redirect->location.empty()) {
        complain("redirect.location", "is missing");
    }
    std::uint64_t shares = 0;
    for (const auto& [service, share] : made.split) {
        shares += share;
    }
    for (const auto& [service, share] : made.split) {
        if (share > 0 && std::uint64_t{share} * core::share_range < shares) {
            complain(
                "split",
                fmt::format("{}: less than 1 of {} parts is no share", service, core::share_range)
            );
        }
    }
    if (made.name.empty()) {
        made.name = made.path;
    }
}

void add_trusted_proxies(config_rows& rows) {
    config_key& row = rows.emplace_back();
    row.name = "gateway.trusted_proxies";
    row.text = "addresses and ranges of proxies whose X-Forwarded-*, Forwarded, X-Request-Id and "
               "traceparent fields are believed, for example [\"10.0.0.0/8\"]";
    row.of = config::kind::texts;
    row.least = 1;
    row.most = name_bytes_max;
    row.entries_max = core::address_list::entries_max;
    row.live = true;
    row.put = [](configuration& into, const config_value& value) -> result<void> {
        const std::vector<std::string> texts = config::texts_of(value);
        for (const std::string& each : texts) {
            if (each.find(',') != std::string::npos) {
                return fail(errc::invalid, fmt::format("\"{}\" is not one address", each));
            }
        }
        auto read = core::address_list::parse(fmt::format("{}", fmt::join(texts, ",")));
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        into.gateway.trusted_proxies = std::move(*read);
        return {};
    };
    row.get = [](const configuration& from) {
        config::description texts;
        texts.of = config::kind::texts;
        return config::parse_text(texts, from.gateway.trusted_proxies.text()).value();
    };
}

} // namespace

void add_routes(config_rows& rows) {
    add_trusted_proxies(rows);
    config_key& routes = rows.emplace_back();
    routes.name = "gateway.routes";
    routes.text = "routes beside those that services register; among the routes that fit a "
                  "request, the most precise one is used: host, exact path, pattern, longest "
                  "prefix, method";
    routes.of = config::kind::tables;
    routes.entries_max = routes_max;
    routes.live = true;
    config::make_entries_key<configuration, route_settings>(
        routes,
        {&route_schema(), finish_route},
        [](auto& c) -> auto& { return c.gateway.routes; }
    );
}

} // namespace msd::app
