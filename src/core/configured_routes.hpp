// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/request_path.hpp"
#include "core/route_settings.hpp"
#include "core/segment_tree.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::core {

// A route of the configuration in the form in which requests use it.
struct compiled_route {
    route_settings settings;            // as written; `name` is never empty, hosts are lower-case
    bool is_prefix = false;             // its path ends in "/"
    std::size_t segments = 0;           // of its path
    std::string stripped;               // strip_prefix: the path without its last "/"; else empty
    std::uint64_t weights = 0;          // of its split, added up
    std::vector<std::size_t> places;    // of the variables among the segments of the path
    std::vector<std::string> variables; // their names
};

// The routes of the configuration, compiled: a lookup costs as much as the path is long, however
// many routes there are. Immutable, so that requests in flight keep the table that they used when
// another one replaces it. Compiling and finding use nothing but their arguments: a table can be
// compiled in another thread.
//
// A route fits a request when its host, path and method do. Of several routes that fit:
// - The host counts first: an exact name, then the longest wildcard ("*.shop.example" fits names
//   with one or more labels in place of the star), then routes for every host.
// - Then the path: an exact path, then a pattern, then the prefix with the most segments. Of two
//   patterns or prefixes, the one that has a literal segment where the other has a variable, at the
//   first such segment.
// - Then the method: a route for this method precedes one for every method. HEAD finds GET routes.
class configured_routes {
public:
    enum class precision : std::uint8_t { exact, pattern, prefix };

    struct match {
        const compiled_route* route = nullptr; // null: no route fits; part of the table
        bool is_of_host = false;               // the route names hosts
        precision how = precision::exact;
    };

    /// errc::invalid, errc::too_large: the text begins with the source of the route and names the
    /// key, as in "msd.toml:7: path: …".
    [[nodiscard]] static result<std::shared_ptr<const configured_routes>>
    compile(std::vector<route_settings> written);

    /// `host` is the Host field of the request: with or without port, may be empty.
    [[nodiscard]] match
    find(std::string_view method, std::string_view host, const request_path& path) const;
    /// Adds the methods of the routes that fit except for the method. For Allow; slower than
    /// find().
    void
    add_methods(std::set<std::string_view>& to, std::string_view host, const request_path& path)
        const;

    [[nodiscard]] bool empty() const { return routes_.empty(); }
    /// In the order in which they were written.
    [[nodiscard]] const std::vector<compiled_route>& all() const { return routes_; }

    static constexpr std::size_t routes_max = 100'000;
    // Of one route. A route has an entry in the table for each of its hosts with each method.
    static constexpr std::size_t hosts_max = 1000;
    static constexpr std::size_t methods_max = 32;
    static constexpr std::size_t entries_max = 1'000'000;
    static constexpr std::size_t methods_distinct_max = 64; // of all routes
    static constexpr std::size_t path_bytes_max = 1024;
    // Branches of the table that one lookup visits. Only paths that fit many combinations of
    // literals and variables have more; the rest is not looked at.
    static constexpr std::size_t branches_visited_max = 1000;

private:
    friend class route_compiler;
    class search;

    // The routes of one place in the tree. Entries of one place follow each other: those of a
    // method, then that of every method.
    struct entry {
        std::uint32_t route = 0;
        std::uint32_t method = every_method; // in methods_
        bool is_last = true;                 // of its place
    };
    static constexpr std::uint32_t every_method = 0;

    configured_routes() = default;
    [[nodiscard]] const entry* choose(std::uint32_t first, std::string_view method) const;
    /// Calls `visit` for the tree of each host that fits until it returns true.
    template <class Visit>
    void for_each_host(std::string_view host, const Visit& visit) const;

    std::vector<compiled_route> routes_;
    std::vector<std::string> methods_{""};
    std::vector<entry> entries_;
    segment_tree tree_;
    segment_tree::place every_host_ = segment_tree::nowhere;
    bool has_hosts_ = false;
    bool has_wildcards_ = false;
};

/// The Host field of a request as it is compared with hosts: without port and without the last dot,
/// in lower case. A view of `host`, or of `storage`.
[[nodiscard]] std::string_view compared_host(std::string_view host, std::string& storage);

} // namespace msd::core
