// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace msd::core {

// Maps METHOD and path to the service that answers them. A new table is built whenever the topology
// changes and replaces the old one as a whole, so a lookup never sees a partial change. The result
// depends only on the nodes and not on their order, so all workers route alike, also after a
// restart:
//
// - An exact path is preferred to a pattern, then the pattern with the longer literal beginning,
//   then the one with fewer variables, then the alphabetically first.
// - Patterns that differ only in the names of variables are the same route.
// - When services of several names claim one route, the alphabetically first name gets it.
// - Instances of one service are joined into one route.
class route_table {
public:
    struct route {
        std::string method;
        std::string pattern; // "/goods/{id}": the uri that goes to the service
        std::string service; // node name
        bool one_way = false;
        std::vector<std::string> secrets;   // for foreign services: password, token, secret
        std::vector<std::string> variables; // names in the pattern, in order
        // Other services that claim the route and do not get it, sorted.
        std::vector<std::string> also_claimed_by;
        bool wants_client = false; // the gateway adds the client's address to requests
    };

    using variable_list = std::vector<std::pair<std::string_view, std::string>>;

    enum class outcome : std::uint8_t { found, wrong_method, unknown };

    struct match {
        outcome what = outcome::unknown;
        const route* target = nullptr; // found: valid as long as the table
        // Variables of the pattern with their percent-decoded values.
        variable_list variables;
        std::string allow; // wrong_method: value for the Allow header, e.g. "GET, HEAD, POST"
    };

    route_table() = default;
    /// Nodes whose urls are malformed contribute the well-formed ones. `gone`: nodes whose routes
    /// are kept as long as none of `nodes` claims them.
    explicit route_table(std::span<const node_info> nodes, std::span<const node_info> gone = {});

    /// `path` is the raw path of the request target without query. HEAD finds GET routes. A
    /// variable matches one non-empty segment with valid percent-encoding.
    [[nodiscard]] match find(std::string_view method, std::string_view path) const;

    /// In the order of the nodes.
    [[nodiscard]] std::span<const route> routes() const { return routes_; }

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };

    struct segment {
        std::string text; // empty for a variable
        bool is_variable = false;
    };

    // One shape of path with every method it is offered under.
    struct shape {
        std::vector<segment> segments; // of a pattern; empty for an exact path
        std::string key;               // the pattern without the names of its variables
        std::size_t literal_bytes = 0; // before the first variable
        std::size_t variables = 0;
        std::vector<std::size_t> offers; // indices into routes_
    };

    void add(const node_info& node);
    void offer(route&& offered);
    void settle(std::size_t index, route&& offered);
    [[nodiscard]] shape& shape_of(const std::string& pattern);
    [[nodiscard]] const route* pick(const shape& candidates, std::string_view method) const;
    /// Whether the path fits; if so, and `values` is not null, adds those of the variables to it.
    [[nodiscard]] static bool fits(
        const shape& candidate,
        std::span<const std::string_view> parts,
        std::vector<std::string>* values
    );
    [[nodiscard]] match
    find_pattern(std::span<const std::string_view> parts, std::string_view method) const;
    [[nodiscard]] std::string
    allowed(const shape* exact, std::span<const std::string_view> parts) const;

    std::vector<route> routes_;
    std::unordered_map<std::string, shape, text_hash, std::equal_to<>> exact_;
    std::vector<shape> patterns_; // in the order in which they are preferred
    // Used while the table is built: the index of each pattern in patterns_, by shape::key; and the
    // number of routes of nodes that are not gone, once all of them are added.
    std::unordered_map<std::string, std::size_t> places_;
    std::size_t present_routes_ = 0;
};

} // namespace msd::core
