// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config_schema.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// Helpers to write the rows of the table of keys: a name, bounds, a text, and the member of the
// configuration that the key sets. Only the files with the rows include this.
namespace msd::app {

using config_rows = std::vector<config_key>;
using route_rows = std::vector<config::key<core::route_settings>>;

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t kib = 1 << 10;
constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t gib = 1 << 30;
constexpr std::int64_t text_bytes_max = 4096; // of a path or a URL

struct config_bounds {
    std::int64_t least = 0;
    std::int64_t most = 0;
    config::unit in = config::unit::none; // times need none: their type says it
};

template <class T>
config_value to_value(const T& field) {
    if constexpr (std::is_same_v<T, milliseconds>) {
        return std::int64_t{field.count()};
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return field.string();
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        return static_cast<std::int64_t>(field);
    } else {
        return field;
    }
}

template <class T>
constexpr config::kind kind_of =
    std::is_same_v<T, bool>                                    ? config::kind::truth
    : std::is_integral_v<T> || std::is_same_v<T, milliseconds> ? config::kind::integer
                                                               : config::kind::text;

// The schema has checked kind and bounds before this is called.
template <class T>
void from_value(T& field, const config_value& value) {
    if constexpr (std::is_same_v<T, bool>) {
        field = value.truth();
    } else if constexpr (std::is_same_v<T, milliseconds>) {
        field = milliseconds{value.integer()};
    } else if constexpr (std::is_integral_v<T>) {
        field = static_cast<T>(value.integer());
    } else {
        field = value.text();
    }
}

// Adds a key of the configuration, or of an entry of one of its tables. `field` returns the member
// that the key sets.
template <class T, class Field>
config::key<T>& add_key(
    std::vector<config::key<T>>& rows,
    std::string name,
    config_bounds within,
    std::string text,
    const Field& field
) {
    using member = std::remove_cvref_t<decltype(field(std::declval<T&>()))>;
    config::key<T>& row = rows.emplace_back();
    row.name = std::move(name);
    row.text = std::move(text);
    row.of = kind_of<member>;
    row.in = std::is_same_v<member, milliseconds> ? config::unit::milliseconds : within.in;
    row.least = within.least;
    row.most = within.most;
    row.put = [field](T& into, const config_value& value) -> result<void> {
        from_value(field(into), value);
        return {};
    };
    row.get = [field](const T& from) {
        return to_value(field(from));
    };
    return row;
}

/// Sets the readers of the rows from `first` on that have none yet.
inline void set_readers(config_rows& rows, std::size_t first, key_readers read_by) {
    for (; first < rows.size(); ++first) {
        if (rows[first].readers == 0) {
            rows[first].readers = read_by;
        }
    }
}

/// Adds the rows of `add`; rows that set no readers themselves are read by `read_by`.
template <class Add>
void add_group(config_rows& rows, key_readers read_by, const Add& add) {
    const std::size_t first = rows.size();
    add(rows);
    set_readers(rows, first, read_by);
}

// The rows of config_store.cpp and config_cache.cpp: the servers of store and cache.
void add_store(config_rows& rows);
void add_cache_server(config_rows& rows);

// The rows of config_logs.cpp: the quotas of the logs service.
void add_log_quotas(config_rows& rows);

// The rows of config_access_log.cpp: the gateway's access log.
void add_access_log(config_rows& rows);

// The rows of config_admin.cpp: the admin worker.
void add_admin(config_rows& rows);

// The rows of config_registry.cpp: what nodes may register.
void add_registry_limits(config_rows& rows);

// The rows of config_routes.cpp and config_programs.cpp: what the gateway does with requests for
// HTTP programs.
void add_routes(config_rows& rows);
void add_programs(config_rows& rows);

// The rows of config_fallback.cpp: what a route has for a service that cannot answer.
void add_fallback_of_route(route_rows& rows);

// The rows of config_limits.cpp: what one client gets, of a route and of the gateway.
void add_limit_of_route(route_rows& rows);
void add_limits(config_rows& rows);

// The rows of config_trust.cpp: the cluster secret and what is allowed without it.
void add_trust(config_rows& rows);

// The rows of config_figures.cpp: limits and times, which few installations change.
void add_distributor_figures(config_rows& rows);
void add_gateway_figures(config_rows& rows);
void add_upstream_figures(config_rows& rows);
void add_packet_figures(config_rows& rows);
void add_cache_figures(config_rows& rows);
void add_supervision_figures(config_rows& rows);

} // namespace msd::app
