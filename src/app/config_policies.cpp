// SPDX-License-Identifier: Apache-2.0
// The keys of [upstream.NAME] that are policies: balancing, retries, breaker, outliers, bulkhead.
// Those of active checks are in config_checks.cpp.
#include "app/config_policies.hpp"

#include "app/route_rules.hpp"
#include "core/resilience/service_settings.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

using core::upstream_program_settings;
using core::resilience::breaker_mode;
using core::resilience::hash_source;

constexpr std::int64_t count_max = 1'000'000;
constexpr std::int64_t name_bytes_max = 255;
constexpr std::size_t methods_max = 32;
constexpr std::int64_t percent_max = 100;

constexpr std::array<std::string_view, 6>
    balances{"p2c", "round-robin", "least-requests", "random", "hash", "sticky"};
constexpr std::array<std::string_view, 3> modes{"off", "observe", "enforce"};

std::string lower_case(std::string_view text) {
    std::string made{text};
    for (char& c : made) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return made;
}

result<hash_source> read_hash_source(std::string_view text) {
    using enum hash_source::kind;
    if (text == "client" || text == "path") {
        return hash_source{text == "client" ? client : path, {}};
    }
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    const std::string_view name =
        colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (name.empty() || (kind != "header" && kind != "cookie") ||
        !check_route_method(name)) { // both are tokens of HTTP
        return fail(
            errc::invalid,
            fmt::format("\"{}\" is not client, path, header:NAME or cookie:NAME", text)
        );
    }
    return kind == "header" ? hash_source{header, lower_case(name)}
                            : hash_source{cookie, std::string{name}};
}

std::string hash_source_text(const hash_source& from) {
    switch (from.of) {
    case hash_source::kind::client:
        return "client";
    case hash_source::kind::path:
        return "path";
    case hash_source::kind::header:
        return "header:" + from.name;
    case hash_source::kind::cookie:
        return "cookie:" + from.name;
    }
    return {};
}

void add_balance(program_rows& rows) {
    config::key<upstream_program_settings>& balance = rows.emplace_back();
    balance.name = "balance";
    balance.text =
        "how an endpoint is chosen for a request; p2c: of two random ones that with fewer "
        "requests and lower latency";
    for (const std::string_view each : balances) {
        balance.choices.emplace_back(each);
    }
    balance.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.policies.balance = *core::resilience::balance_policy_of(value.text());
        return {};
    };
    balance.get = [](const upstream_program_settings& from) {
        return std::string{balances[static_cast<std::size_t>(from.policies.balance)]};
    };
    config::key<upstream_program_settings>& hash = add_key(
        rows,
        "hash_key",
        {1, name_bytes_max},
        "what decides the endpoint with balance = \"hash\": client, path, header:NAME or "
        "cookie:NAME",
        [](auto& p) -> auto& { return p.policies.hash.name; }
    );
    hash.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        auto read = read_hash_source(value.text());
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        into.policies.hash = std::move(*read);
        return {};
    };
    hash.get = [](const upstream_program_settings& from) {
        return hash_source_text(from.policies.hash);
    };
}

void add_start(program_rows& rows) {
    add_key(
        rows,
        "slow_start_ms",
        {0, hour_ms},
        "an endpoint that is new, was ejected or unhealthy gets a tenth of its share at first, and "
        "all of it after this time",
        [](auto& p) -> auto& { return p.policies.starting.length; }
    );
}

void add_retry(program_rows& rows) {
    add_key(
        rows,
        "retry.tries",
        {0, 10},
        "further tries of a request, each at another endpoint; 0: none",
        [](auto& p) -> auto& { return p.policies.retry.tries; }
    );
    add_key(
        rows,
        "retry.budget_percent",
        {0, percent_max, config::unit::percent},
        "retries of the last 10 s, of the requests of that time; 10 a second are allowed besides",
        [](auto& p) -> auto& { return p.policies.retry.budget.percent; }
    );
    config::key<upstream_program_settings>& methods = rows.emplace_back();
    methods.name = "retry.methods";
    methods.text =
        "methods that may be tried again after a reply or a broken connection; empty: GET, "
        "HEAD, PUT, DELETE, OPTIONS and TRACE";
    methods.of = config::kind::texts;
    methods.least = 1;
    methods.most = name_bytes_max;
    methods.entries_max = methods_max;
    methods.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.policies.repeatable = config::texts_of(value);
        for (const std::string& each : into.policies.repeatable) {
            if (auto checked = check_route_method(each); !checked) {
                return checked;
            }
        }
        return {};
    };
    methods.get = [](const upstream_program_settings& from) {
        return config::list_of(from.policies.repeatable);
    };
}

void add_breaker(program_rows& rows) {
    config::key<upstream_program_settings>& mode = rows.emplace_back();
    mode.name = "breaker.mode";
    mode.text = "the breaker of each route: off, observe (it logs what it would do) or enforce";
    for (const std::string_view each : modes) {
        mode.choices.emplace_back(each);
    }
    mode.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.policies.breaker.mode = value.text() == "off"       ? breaker_mode::off
                                     : value.text() == "observe" ? breaker_mode::observe
                                                                 : breaker_mode::enforce;
        return {};
    };
    mode.get = [](const upstream_program_settings& from) {
        return std::string{modes[static_cast<std::size_t>(from.policies.breaker.mode)]};
    };
    add_key(
        rows,
        "breaker.failures_percent",
        {1, percent_max, config::unit::percent},
        "share of failed requests of the last 10 s that opens the breaker",
        [](auto& p) -> auto& { return p.policies.breaker.failures_percent; }
    );
    add_key(
        rows,
        "breaker.requests_min",
        {1, count_max},
        "the breaker does not open with fewer requests in 10 s",
        [](auto& p) -> auto& { return p.policies.breaker.requests_min; }
    );
    add_key(
        rows,
        "breaker.open_ms",
        {10, hour_ms},
        "how long it is open at first; the time doubles up to a minute",
        [](auto& p) -> auto& { return p.policies.breaker.open; }
    );
}

void add_outlier(program_rows& rows) {
    add_key(
        rows,
        "outlier.consecutive",
        {0, count_max},
        "failures in a row after which an endpoint gets no requests for a time; 0: never",
        [](auto& p) -> auto& { return p.policies.outlier.consecutive; }
    );
    add_key(
        rows,
        "outlier.eject_ms",
        {10, hour_ms},
        "how long at first; the time grows with each ejection, up to five minutes",
        [](auto& p) -> auto& { return p.policies.outlier.eject; }
    );
    add_key(
        rows,
        "outlier.ejected_percent_max",
        {0, percent_max, config::unit::percent},
        "at most this share of the endpoints of a service is ejected at a time",
        [](auto& p) -> auto& { return p.policies.outlier.ejected_percent_max; }
    );
}

void add_bulkhead(program_rows& rows) {
    add_key(
        rows,
        "bulkhead.requests",
        {0, count_max},
        "requests of the service in flight, of all workers together; 0: 1024 for web programs, no "
        "limit for packet services, which have queues and limits of their own",
        [](auto& p) -> auto& { return p.policies.requests_max; }
    );
    add_key(
        rows,
        "bulkhead.per_endpoint",
        {0, count_max},
        "the same at one endpoint; 0: 128 for web programs, no limit for packet services",
        [](auto& p) -> auto& { return p.policies.per_endpoint_max; }
    );
    add_key(
        rows,
        "bulkhead.queue",
        {0, 100'000},
        "further requests that wait for a place; when there are more, they get 503 at once",
        [](auto& p) -> auto& { return p.policies.bulkhead.queue; }
    );
    add_key(
        rows,
        "bulkhead.queue_ms",
        {0, hour_ms},
        "how long they wait, at most a tenth of the time that the request has",
        [](auto& p) -> auto& { return p.policies.bulkhead.queue_wait; }
    );
}

} // namespace

void add_policies(program_rows& rows) {
    add_balance(rows);
    add_start(rows);
    add_retry(rows);
    add_breaker(rows);
    add_outlier(rows);
    add_checks(rows);
    add_bulkhead(rows);
}

} // namespace msd::app
