// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"
#include "core/path_patterns.hpp"
#include "core/route_claims.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::core {

// Maps METHOD and path to the service that answers them. Nodes are added and removed one by one,
// and each costs as much as the routes that it has, whatever the size of the table. A route that
// was found is immutable and stays valid when the table changes. The result depends only on the
// nodes and not on the order in which they were added, so all workers route alike, also after a
// restart:
//
// - An exact path is preferred to a pattern, then the pattern with the longer literal beginning,
//   then the one with fewer variables, then the alphabetically first.
// - Patterns that differ only in the names of variables are the same route.
// - When services of several names claim one route, the alphabetically first name gets it.
// - Instances of one service are joined into one route.
// - The routes of a node that is gone are kept as long as no present node claims them.
class route_table {
public:
    using route = service_route;
    using presence = route_claims::presence;
    using route_ptr = std::shared_ptr<const route>;
    using variable_list = std::vector<std::pair<std::string_view, std::string>>;

    enum class outcome : std::uint8_t { found, wrong_method, unknown };

    struct match {
        outcome what = outcome::unknown;
        route_ptr target; // found
        // Variables of the pattern with their percent-decoded values. The names are views into
        // `target`.
        variable_list variables;
        std::string allow; // wrong_method: value for the Allow header, e.g. "GET, HEAD, POST"
    };

    route_table() = default;
    explicit route_table(std::span<const node_info> nodes, std::span<const node_info> gone = {});

    /// Nodes whose urls are malformed contribute the well-formed ones.
    void add(const node_info& node, presence how = presence::present);
    /// `node` as it was added, with the same `how`.
    void remove(const node_info& node, presence how = presence::present);
    /// Removes `old` and adds `now`, both present. Costs as much as the routes that differ.
    void replace(const node_info& old, const node_info& now);

    /// `path` is the raw path of the request target without query. HEAD finds GET routes. A
    /// variable matches one non-empty segment with valid percent-encoding.
    [[nodiscard]] match find(std::string_view method, std::string_view path) const {
        return find_of({}, method, path);
    }
    /// The same among the routes of one service, also where another one of several services gets
    /// the requests of find(). Empty: of any service.
    [[nodiscard]] match
    find_of(std::string_view service, std::string_view method, std::string_view path) const;

    /// In the order in which they were claimed first. Copies the list: not for every request.
    [[nodiscard]] std::vector<route_ptr> routes() const;
    /// Other services that claim the route and do not get it, sorted.
    [[nodiscard]] std::vector<std::string> also_claimed_by(const route& contested) const;
    /// The routes that further services have claimed since the last call; contested_max at most.
    [[nodiscard]] std::vector<route_ptr> take_contested() { return std::exchange(contested_, {}); }

    [[nodiscard]] bool empty() const { return exact_.empty() && patterns_.empty(); }
    /// How many claims were added or removed until now: what the changes have cost.
    [[nodiscard]] std::uint64_t work() const { return work_; }

    static constexpr std::size_t contested_max = 1000;

private:
    // One route as a node claims it; views into the node.
    struct claim {
        std::string_view method;
        std::string_view path;
        bool one_way = false;
        bool wants_client = false;
        bool has_secrets = false;
        std::span<const std::string> wants;

        bool operator==(const claim& other) const;
    };

    [[nodiscard]] static std::vector<claim> claims_of(const node_info& node);
    [[nodiscard]] static route_claims::terms terms_of(const claim& claimed);
    void put(const claim& claimed, const std::string& service, presence how);
    void drop(const claim& claimed, const std::string& service, presence how);

    std::map<std::string, path_offers, std::less<>> exact_;
    path_patterns patterns_;
    std::vector<route_ptr> contested_;
    std::uint64_t next_order_ = 0; // of the next route, for routes()
    std::uint64_t work_ = 0;
};

} // namespace msd::core
