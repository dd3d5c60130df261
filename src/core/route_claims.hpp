// SPDX-License-Identifier: Apache-2.0
#pragma once

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

// One route as requests use it. Immutable: a request keeps the route that it found, whatever
// becomes of the table (core/route_table.hpp).
struct service_route {
    std::string method;
    std::string pattern; // "/goods/{id}": the uri that goes to the service
    std::string service; // node name
    bool one_way = false;
    bool wants_client = false;          // the gateway adds the client's address to requests
    bool has_secrets = false;           // parameters that are never logged or kept
    std::vector<std::string> wants;     // and these header fields: lower-case names, sorted
    std::vector<std::string> variables; // names in the pattern, in order
    std::vector<std::size_t> places;    // of the variables among the segments of the pattern
};

// All nodes that claim one route, as counts, so that adding and removing one of them costs the same
// however many there are, and the route that results from them.
class route_claims {
public:
    enum class presence : std::uint8_t {
        present,
        gone // the node is not listed any more: its claim counts only without a present one
    };

    struct claimant {
        const std::string& service;
        presence how = presence::present;
    };

    // What a claim says beyond the identity of the route.
    struct terms {
        std::string_view pattern;           // with the names of its variables
        bool one_way = false;               // true if any instance says so
        bool wants_client = false;          // the same
        bool has_secrets = false;           // the same
        std::span<const std::string> wants; // the names that any instance has
    };

    /// True when the service did not claim the route before, but another one did.
    bool add(const claimant& by, const terms& claimed);
    /// `by` and `claimed` as they were added.
    void remove(const claimant& by, const terms& claimed);
    [[nodiscard]] bool empty() const { return services_.empty(); }

    /// The route of the first service. There must be a claim, and renew() was called for it.
    [[nodiscard]] const std::shared_ptr<const service_route>& current() const {
        return services_.begin()->second.route;
    }
    /// The route of one service, which need not be the first. Null when it does not claim the route
    /// or, while others are present, is gone.
    [[nodiscard]] const std::shared_ptr<const service_route>* of(std::string_view service) const;
    /// Makes the route of a service agree with its claims, after each change of them. A route that
    /// stays as it is is not replaced.
    void renew(std::string_view method, const claimant& changed);
    /// The other services that claim the route, sorted; the gone ones only when all are gone.
    [[nodiscard]] std::vector<std::string> others() const;

    std::uint64_t order = 0; // of the route in the table

private:
    struct counts {
        std::uint32_t claims = 0;
        std::uint32_t one_way = 0;
        std::uint32_t wants_client = 0;
        std::uint32_t has_secrets = 0;
        std::map<std::string, std::uint32_t, std::less<>> patterns; // names of variables differ
        std::map<std::string, std::uint32_t, std::less<>> wants;
        std::shared_ptr<const service_route> route;
    };

    using key = std::pair<presence, std::string>; // present ones first, then by name

    [[nodiscard]] static bool is_up_to_date(const service_route& made, const counts& of);

    std::map<key, counts> services_;
};

// The routes of one path or pattern: one per method.
using path_offers = std::map<std::string, route_claims, std::less<>>;

} // namespace msd::core
