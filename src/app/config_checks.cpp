// SPDX-License-Identifier: Apache-2.0
// The keys of [upstream.NAME] for active checks.
#include "app/config_policies.hpp"
#include "core/resilience/health_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace msd::app {

namespace {

using core::upstream_program_settings;

constexpr std::int64_t count_max = 1'000'000;
constexpr std::int64_t name_bytes_max = 255;
constexpr std::size_t statuses_max = 32;

bool is_visible(std::string_view text, std::string_view but) {
    return std::ranges::all_of(text, [but](char c) {
        return c > ' ' && c < '\x7F' && but.find(c) == std::string_view::npos;
    });
}

result<void> check_probe_target(std::string_view path) {
    if (!path.starts_with('/') || !is_visible(path, "#")) {
        return fail(
            errc::invalid,
            fmt::format("\"{}\" is not a path: write \"/healthz\", without spaces", path)
        );
    }
    return {};
}

result<void> check_probe_host(std::string_view host) {
    if (!is_visible(host, "/?#@\\")) {
        return fail(
            errc::invalid,
            fmt::format("\"{}\" is not a host: write \"shop.example\" or \"localhost:80\"", host)
        );
    }
    return {};
}

void add_check_request(program_rows& rows) {
    add_key(
        rows,
        "check.path",
        {0, text_bytes_max},
        "an endpoint is checked by a GET of this path; empty: by connecting to it; packet services "
        "are checked by the connections to them",
        [](auto& p) -> auto& { return p.policies.check.path; }
    ).put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.policies.check.path = value.text();
        return value.text().empty() ? result<void>{} : check_probe_target(value.text());
    };
    add_key(
        rows,
        "check.host",
        {0, name_bytes_max},
        "Host of that request; empty: the address of the endpoint",
        [](auto& p) -> auto& { return p.policies.check.host; }
    ).put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.policies.check.host = value.text();
        return value.text().empty() ? result<void>{} : check_probe_host(value.text());
    };
    config::key<upstream_program_settings>& statuses = rows.emplace_back();
    statuses.name = "check.status";
    statuses.text = "statuses of good replies to it, and ranges of them; empty: 200 to 399";
    statuses.of = config::kind::texts;
    statuses.least = 1;
    statuses.most = name_bytes_max;
    statuses.entries_max = statuses_max;
    statuses.put = [](upstream_program_settings& into, const config_value& value) -> result<void> {
        into.policies.check.statuses.clear();
        for (const std::string& each : config::texts_of(value)) {
            const auto read = core::resilience::status_range_of(each);
            if (!read) {
                return tl::unexpected{read.error()};
            }
            into.policies.check.statuses.push_back(*read);
        }
        if (into.policies.check.statuses.empty()) {
            into.policies.check.statuses.emplace_back();
        }
        return {};
    };
    statuses.get = [](const upstream_program_settings& from) {
        std::vector<std::string> all;
        const bool is_default =
            from.policies.check.statuses == core::resilience::check_settings{}.statuses;
        if (is_default) {
            return config::list_of(all);
        }
        for (const core::resilience::status_range& each : from.policies.check.statuses) {
            all.push_back(text_of(each));
        }
        return config::list_of(all);
    };
}

} // namespace

void add_checks(program_rows& rows) {
    add_check_request(rows);
    add_key(
        rows,
        "check.every_ms",
        {0, hour_ms},
        "an endpoint is checked this often, by one worker of the host; 0: not checked",
        [](auto& p) -> auto& { return p.policies.check.every; }
    );
    add_key(
        rows,
        "check.timeout_ms",
        {10, hour_ms},
        "time limit of a check",
        [](auto& p) -> auto& { return p.policies.check.timeout; }
    );
    add_key(
        rows,
        "check.fall",
        {1, count_max},
        "after this many failed checks in a row an endpoint gets no requests while others are "
        "healthy; the first check of an endpoint decides alone",
        [](auto& p) -> auto& { return p.policies.check.fall; }
    );
    add_key(
        rows,
        "check.rise",
        {1, count_max},
        "after this many good checks in a row it gets requests again",
        [](auto& p) -> auto& { return p.policies.check.rise; }
    );
}

} // namespace msd::app
