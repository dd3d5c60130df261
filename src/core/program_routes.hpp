// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/configured_routes.hpp"
#include "core/node.hpp"
#include "core/request_path.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// A path of a web program of the registry. Immutable, like service_route.
struct program_route {
    std::string path; // as registered: see core/configured_routes.hpp
    std::string service;
    bool is_prefix = false;
    bool strip = false;       // the program receives the path without the prefix
    std::size_t segments = 0; // of the path
    std::string stripped;     // strip: the path without its last "/"
};

// The routes of the web programs of the registry: nodes with node_protocol::http. A program takes
// every method and every host. Paths mean the same as in the configuration. Nodes are added and
// removed one by one, which costs as much as their routes, whatever the size of the table; the
// result depends only on the nodes and not on their order. When services of several names claim one
// path, the alphabetically first name gets it. A route strips the prefix when all nodes of its
// service say so. core/route_table.hpp has the routes of packet services.
class program_routes {
public:
    using route_ptr = std::shared_ptr<const program_route>;

    struct match {
        route_ptr route; // null: none fits
        configured_routes::precision how = configured_routes::precision::exact;
    };

    program_routes();
    ~program_routes();

    /// Routes that are malformed are left out.
    void add(const node_info& node);
    /// `node` as it was added.
    void remove(const node_info& node);

    [[nodiscard]] match find(const request_path& path) const;
    [[nodiscard]] bool empty() const { return size_ == 0; }
    /// In the order of their paths. Copies the list: not for every request.
    [[nodiscard]] std::vector<route_ptr> all() const;

    /// Whether a program may register this path: correct percent-escapes, no empty or dot segments,
    /// braces only around whole segments.
    [[nodiscard]] static bool is_path(std::string_view path);

private:
    // All nodes that claim one path, as counts.
    struct claims {
        struct counts {
            std::uint32_t nodes = 0;
            std::uint32_t strips = 0;
            std::map<std::string, std::uint32_t, std::less<>> paths; // names of variables differ
        };
        std::map<std::string, counts, std::less<>> services;
        route_ptr current;
    };
    struct branch;
    class search;

    [[nodiscard]] claims& claims_of(const route_info& route);
    void drop_branches(const route_info& route);
    void renew(claims& of);

    std::unique_ptr<branch> root_;
    std::size_t size_ = 0; // paths
};

} // namespace msd::core
