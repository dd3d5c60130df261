// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/balance/consistent_hash.hpp"
#include "core/resilience/balance/least_requests.hpp"
#include "core/resilience/balance/power_of_two.hpp"
#include "core/resilience/balance/round_robin.hpp"
#include "core/resilience/balance/weighted_random.hpp"
#include "core/resilience/endpoint_set.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace msd::core::resilience {

// The names of the configuration: p2c, round-robin, least-requests, random, hash, sticky.
enum class balance_policy : std::uint8_t { p2c, round_robin, least_requests, random, hash, sticky };

/// nullopt: no policy has this name.
[[nodiscard]] std::optional<balance_policy> balance_policy_of(std::string_view name);
[[nodiscard]] std::string_view name_of(balance_policy policy);

// The endpoints of a service and the policy that chooses among them, in one worker. A change of the
// list or of a state costs O(n) and may allocate; choosing costs O(1), allocates nothing and reads
// no clock. Nothing is chosen twice for one request: `tried` names the endpoints that had it.
class balancer {
public:
    balancer(balance_policy policy, std::uint32_t own_zone, ramp starting = slow_start);

    /// See endpoint_set.
    void assign(std::vector<endpoint_entry> entries);
    void change(std::uint32_t index, const endpoint_entry& entry);

    /// nullopt: there is no endpoint, or all were tried. The caller counts the request in
    /// endpoint_load::in_flight and reports its end with ended(). sticky: `hash` is the token of
    /// the client's cookie, 0 for none; the client keeps its endpoint while that is active, and
    /// gets a new cookie only when the endpoint has left (is_listed()).
    [[nodiscard]] std::optional<std::uint32_t>
    choose(const choice_request& request, random_generator& random);
    /// A request ended and was subtracted from in_flight.
    void ended(std::uint32_t index);

    /// See endpoint_set.
    void detach(std::span<endpoint_load> copies) { set_.detach(copies); }

    /// The endpoint of a cookie is still in the list.
    [[nodiscard]] bool is_listed(std::uint64_t token) const {
        return set_.with_token(token).has_value();
    }
    [[nodiscard]] std::optional<std::uint32_t> next_ejected() { return set_.next_ejected(); }
    [[nodiscard]] const endpoint_set& endpoints() const { return set_; }
    [[nodiscard]] balance_policy policy() const { return policy_; }

private:
    void rebuild();

    balance_policy policy_;
    endpoint_set set_;
    std::variant<power_of_two, round_robin, least_requests, weighted_random, consistent_hash>
        chooser_;
};

} // namespace msd::core::resilience
