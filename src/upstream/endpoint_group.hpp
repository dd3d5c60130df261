// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/service_settings.hpp"
#include "core/resilience/try_limits.hpp"
#include "upstream/host_cells.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace msd::upstream {

// One try of a request at one endpoint, from its choice to its end.
struct endpoint_try {
    std::shared_ptr<endpoint_claim> claim; // null: it has ended
    core::resilience::shared_count* total = nullptr;
    core::resilience::shared_count* part = nullptr;
    std::uint32_t index = 0;
    time_point began{};
    std::chrono::microseconds latency{0}; // to the head of the reply; 0: there was none
    bool is_probe = false;                // of an ejected endpoint
    bool is_counted = false;              // in flight

    [[nodiscard]] bool is_open() const { return claim != nullptr; }
    /// Of a try that could be repeated at another endpoint.
    [[nodiscard]] core::resilience::try_kind kind() const {
        using enum core::resilience::try_kind;
        return is_probe ? probe : usual;
    }
};

// The endpoints of one service as one worker calls them, whether by packets or by HTTP: chooses one
// for each try, and learns from the outcome. It combines the policies of core/resilience: balancer,
// outlier ejection, active checks, slow start, requests of each endpoint in flight. What it learns
// is shared with the other workers of the host by the endpoints' claims. An endpoint is an index
// into the list that the owner gave; the owner has the addresses and connections. Single-threaded.
class endpoint_group {
public:
    struct endpoint {
        std::shared_ptr<endpoint_claim> claim; // never null
        std::string address;                   // "host:port": its token, and in the log
        std::uint32_t weight = 1;
        std::uint32_t zone = 0;  // see zone_of()
        std::uint64_t token = 0; // set by the group
    };

    // What a request wants.
    struct wish {
        time_point now{};
        std::uint64_t hash = 0; // see core::resilience::choice_request
        std::span<const std::uint32_t> tried{};
        bool may_probe = false; // the try can be repeated at another endpoint
    };

    struct choice {
        std::uint32_t index = 0;
        bool is_probe = false; // for begin()
        // The endpoint has not proved itself: begin() fails if it got a request meanwhile.
        bool is_first = false;
    };

    endpoint_group(
        std::string service,
        const core::resilience::service_settings& settings,
        std::shared_ptr<service_claim> of_service,
        policy_meters& counts,
        std::uint32_t own_zone = 0
    );

    /// Replaces the endpoints, and the settings that apply to them.
    void assign(
        std::vector<endpoint> all,
        const core::resilience::service_settings& settings,
        time_point now
    );
    [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
    [[nodiscard]] const endpoint& at(std::size_t index) const { return endpoints_[index]; }
    /// nullopt: there is none, all were tried, or those that are left have as many requests as they
    /// may have. An endpoint that has never replied has one request at a time, unless no other one
    /// can take the request.
    [[nodiscard]] std::optional<choice> choose(const wish& request);
    /// Not open: another worker was faster, see choice::is_first; then choose again.
    [[nodiscard]] endpoint_try begin(const choice& chosen, time_point now);
    /// The head of a good reply has arrived: the endpoint has proved itself before the end.
    void note_head(const endpoint_try& tried);
    /// The try no longer counts as in flight, although it goes on.
    void release(endpoint_try& tried);
    /// The try has ended; it is closed. Does nothing for one that is closed already.
    void end(endpoint_try& tried, core::resilience::try_result result, time_point now);

    // Active checks, which the owner makes.
    /// When the next check of an endpoint is due; max: it is not checked.
    [[nodiscard]] time_point check_due(std::size_t index, time_point now) const;
    /// Whether the owner has to make the check that is due: true in one worker of the host.
    [[nodiscard]] bool take_check(std::size_t index, time_point now);
    void note_check(
        std::size_t index,
        const core::resilience::check_result& result,
        time_point began,
        time_point now
    );

    /// Whether one of the endpoints besides those that were tried would take a request now.
    [[nodiscard]] bool has_other(std::span<const std::uint32_t> tried) const;

    /// Whether the other endpoints reply well, so that a 500 of this one says something about it.
    /// O(n).
    [[nodiscard]] bool is_outlier(const endpoint_try& tried, time_point now) const;

    /// The state of the endpoints, for metrics; with each heartbeat. Endpoints that this worker has
    /// not tried and that are in service are left out.
    void note_states();

    /// Adopts what other workers and the time have changed. Called by choose(), too.
    void refresh(time_point now);
    // An endpoint as explanations show it.
    struct facts {
        bool is_active = false;   // takes requests now
        bool is_out = false;      // ejected, refusing or unhealthy
        bool is_refusing = false; // nothing listens there, as a try or a check has found
        core::resilience::ejection_phase phase = core::resilience::ejection_phase::in_service;
        time_point out_until{}; // of an ejection
        bool is_proven = false;
        bool is_own_zone = false;
        bool is_full = false; // has as many requests as it may have
        double share = 1;     // that the slow start leaves to it
        double score = 0;     // what p2c compares; the lower one is better
        std::int32_t in_flight = 0;
        float latency_us = 0; // 0: not known
    };
    [[nodiscard]] facts look_at(std::uint32_t index, time_point now) const;
    /// What choose() would choose, without the probe of an ejected endpoint. Changes nothing.
    [[nodiscard]] std::optional<choice> would_choose(const wish& request) const;
    /// For explanations: what the balancer compares, and the state.
    [[nodiscard]] const core::resilience::balancer& balancing() const { return balancer_; }
    [[nodiscard]] core::resilience::random_generator& random() { return random_; }

    /// The number of a zone for balancers; 0 for an empty name, the unknown zone.
    [[nodiscard]] static std::uint32_t zone_of(std::string_view name);
    /// The token of an address, for sticky cookies: the same in all workers and gateways.
    [[nodiscard]] static std::uint64_t token_of(std::string_view service, std::string_view address);

private:
    static constexpr std::uint32_t rechoices_max = 3;

    [[nodiscard]] core::resilience::endpoint_entry
    entry_of(const endpoint& from, time_point now) const;
    [[nodiscard]] bool has_room(std::uint32_t index) const;
    [[nodiscard]] bool may_take(std::uint32_t index) const;
    [[nodiscard]] choice chosen_at(std::uint32_t index) const;
    [[nodiscard]] std::optional<choice> choose_probe(const wish& request);
    // What a choice changes.
    struct choice_state {
        core::resilience::balancer& balancer;
        core::resilience::random_generator& random;
        std::vector<std::uint32_t>& tried;
    };
    [[nodiscard]] std::optional<choice>
    choose_with(const choice_state& state, const wish& request) const;
    [[nodiscard]] core::resilience::ejection_scope scope() const;
    void update_entries(time_point now);
    void report(std::uint32_t index, core::resilience::ejection_change change) const;
    void count_ejection(std::size_t index, std::string_view reason);

    // The metrics of an endpoint; found when they are needed, because few of many endpoints are.
    struct endpoint_meters {
        bool is_found = false;
        core::duration_cells tries;
        core::metric_cell ejected;
        core::metric_cell in_flight;
    };
    [[nodiscard]] endpoint_meters& meters_of(std::size_t index);

    std::string service_;
    core::resilience::service_settings settings_;
    std::shared_ptr<service_claim> of_service_;
    std::uint32_t own_zone_;
    std::vector<endpoint> endpoints_;
    std::vector<core::resilience::ejection*> states_; // of endpoints_
    policy_meters& counts_;
    std::vector<endpoint_meters> meters_; // of endpoints_
    core::resilience::balancer balancer_;
    core::resilience::random_generator random_;
    std::uint64_t changes_seen_ = 0;
    time_point refreshed_{};
    std::vector<std::uint32_t> tried_; // of choose(), to reuse its memory
};

} // namespace msd::upstream
