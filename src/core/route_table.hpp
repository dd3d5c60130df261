// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::core {

// Which service answers METHOD and path. Built anew whenever the topology changes and swapped
// whole, so a lookup never sees half a change. Exact paths win over patterns; among patterns the
// one with the longer literal beginning wins. Instances of one service are joined into one route.
class route_table {
public:
    struct route {
        std::string method;
        std::string pattern;              // "/goods/{id}": the uri that goes to the service
        std::string service;              // node name
        bool one_way = false;
        std::vector<std::string> secrets; // for foreign services: password, token, secret
    };

    enum class outcome { found, wrong_method, unknown };

    struct match {
        outcome what = outcome::unknown;
        const route* target = nullptr; // found: valid as long as the table
        // Variables of the pattern with their percent-decoded values.
        std::vector<std::pair<std::string_view, std::string>> variables;
        std::string allow; // wrong_method: value for the Allow header, e.g. "GET, HEAD, POST"
    };

    route_table() = default;
    /// Nodes whose urls are malformed contribute the well-formed ones. When two service names claim
    /// one route, the one listed first keeps it.
    explicit route_table(std::span<const node_info> nodes);

    /// `path` is the raw path of the request target without query. HEAD finds GET routes.
    [[nodiscard]] match find(std::string_view method, std::string_view path) const;

    [[nodiscard]] std::span<const route> routes() const;
};

} // namespace msd::core
