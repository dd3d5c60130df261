// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/endpoint_load.hpp"
#include "core/resilience/random_generator.hpp"
#include "core/resilience/slow_start.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace msd::core::resilience {

// One endpoint of a service, as a balancer sees it.
struct endpoint_entry {
    endpoint_load* load = nullptr; // never null; outlives the entry
    std::uint64_t token = 0;       // identifies the endpoint in all workers (keyed_hash.hpp)
    std::uint32_t weight = 1;      // 0: only used when no other is left
    std::uint32_t zone = 0;        // 0: unknown
    time_point started_at{};       // the slow start begins; time_point{}: no slow start
    bool is_ejected = false;       // see ejection.hpp
    bool is_refusing = false;      // ejected because nothing listens there
    bool is_avoided = false;       // drains, has sent a goaway, or owes a reply
};

// What a balancer has to know of the request for which it chooses.
struct choice_request {
    time_point now{};
    std::uint64_t hash = 0;                 // hash and sticky: of the key or of the client's token
    std::uint32_t in_flight = 0;            // hash: requests of the service in flight
    std::span<const std::uint32_t> tried{}; // endpoints that are not chosen again; short
};

// The endpoints of a service, and those of them that take requests now: healthy ones of the own
// zone while at least 70 % of the zone are healthy, else all healthy ones. Below 50 % healthy
// endpoints, ejection is probably wrong or the rest would be overloaded: panic, in which ejected
// endpoints take requests, too. Endpoints that refuse connections do not, because a refusal is no
// guess; they are used when there is nothing else. The list is computed at each change, which costs
// O(n) and may allocate, so that choosing does not have to search.
class endpoint_set {
public:
    static constexpr std::size_t endpoints_max = 65'535;
    static constexpr std::uint32_t zone_healthy_percent = 70;
    static constexpr std::uint32_t panic_percent = 50;

    /// An endpoint that takes requests. 16 bytes, see endpoint_load.
    struct active_endpoint {
        endpoint_load* load;
        float inverse_weight;
        std::uint32_t index; // of entries()
    };

    /// `own_zone` 0: unknown, all zones are alike.
    explicit endpoint_set(std::uint32_t own_zone = 0, ramp starting = slow_start)
        : own_zone_{own_zone},
          starting_{starting} {}

    /// At most endpoints_max.
    void assign(std::vector<endpoint_entry> entries);
    /// Replaces one entry.
    void change(std::uint32_t index, const endpoint_entry& entry);

    /// Copies what is known of the endpoints' loads to `copies`, one for each entry, and uses these
    /// from now on: nothing that this object does reaches other workers any more. For explanations.
    void detach(std::span<endpoint_load> copies);

    [[nodiscard]] const std::vector<endpoint_entry>& entries() const { return entries_; }
    [[nodiscard]] const std::vector<active_endpoint>& active() const { return active_; }
    [[nodiscard]] std::uint32_t active_weight() const { return active_weight_; }
    [[nodiscard]] bool is_active(std::uint32_t index) const { return is_active_[index]; }
    /// The healthy endpoints of other zones while the active ones are those of the own zone: for
    /// what these have no room for, or have failed at.
    [[nodiscard]] const std::vector<std::uint32_t>& spare() const { return spare_; }
    /// Active or spare.
    [[nodiscard]] bool takes_requests(std::uint32_t index) const;
    [[nodiscard]] bool is_panic() const { return is_panic_; }
    /// The active endpoints are those of the own zone.
    [[nodiscard]] bool is_local() const { return is_local_; }

    /// The endpoint with this token, whether it is active or not; nullopt: it has left.
    [[nodiscard]] std::optional<std::uint32_t> with_token(std::uint64_t token) const;

    /// Some endpoint that was not tried: active ones first, then healthy, avoided, ejected and
    /// refusing ones. O(n): only for what a balancer does not find by itself.
    [[nodiscard]] std::optional<std::uint32_t>
    any_untried(const choice_request& request, random_generator& random) const;

    /// An ejected endpoint, another one at each call; nullopt: none. For requests that may probe
    /// (ejection::take_probe()).
    [[nodiscard]] std::optional<std::uint32_t> next_ejected();

    /// 0…1: the share of its weight that the slow start leaves to an endpoint.
    [[nodiscard]] double share(std::uint32_t index, time_point now) const {
        return now >= ramps_until_ ? 1 : starting_.share(entries_[index].started_at, now);
    }
    /// Some endpoints have less than their share.
    [[nodiscard]] bool is_ramping(time_point now) const { return now < ramps_until_; }

    [[nodiscard]] static bool was_tried(const choice_request& request, std::uint32_t index) {
        for (const std::uint32_t tried : request.tried) {
            if (tried == index) {
                return true;
            }
        }
        return false;
    }

private:
    void compile();
    template <class Rule>
    bool activate(Rule is_used);

    std::uint32_t own_zone_;
    ramp starting_;
    std::vector<endpoint_entry> entries_;
    std::vector<active_endpoint> active_;
    std::vector<bool> is_active_;
    std::vector<std::uint32_t> spare_;
    std::vector<std::uint32_t> ejected_;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> tokens_; // sorted
    std::uint32_t active_weight_ = 0;
    std::size_t next_ejected_ = 0;
    time_point ramps_until_{};
    bool is_panic_ = false;
    bool is_local_ = false;
};

} // namespace msd::core::resilience
