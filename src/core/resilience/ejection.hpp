// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/try_result.hpp"
#include "core/resilience/window.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace msd::core::resilience {

// Outlier ejection (as in Envoy): an endpoint that fails again and again gets no requests for a
// while. The state is shared by all workers of a host: fixed-layout cells, each of which changes in
// one step, so a worker that is killed leaves valid states. What follows a change in other workers
// (endpoint_set::change()) is found by `ejection_group::changes` or by reading all states once a
// second, because the time of an ejection ends without a writer. Zeroed memory is a good endpoint.
//
// - Five errors in a row eject. 5xx that are no gateway errors count only while the other endpoints
//   of the service answer well: a request that fails everywhere says nothing about an endpoint.
// - A success rate that is 1.9 standard deviations and five points below the mean ejects
//   (evaluate_success_rates()).
// - A refused connection ejects at once: nothing listens there. It is probed after 250 ms, doubling
//   up to 2 s, and one good probe ends it.
// - Other ejections last 10 s × n, at most 300 s. One request per second goes to the endpoint, and
//   three good replies end the ejection and reset n. n is also forgotten 300 s after an ejection.
//   An endpoint whose time is over without a good reply is ejected again by its first error.
// - At most half of the endpoints are ejected; refusals do not count, because they are no guess.

struct ejection_settings {
    std::uint32_t consecutive = 5; // ≥ 1
    milliseconds eject{10'000};
    milliseconds eject_max{300'000}; // ≤ eject_longest
    std::uint32_t ejected_percent_max = 50;
    std::uint32_t good_replies = 3; // to end an ejection
    milliseconds probe_every{1000};
    milliseconds refused_probe_first{250};
    milliseconds refused_probe_max{2000};
    double deviations = 1.9;
    double deviation_min = 0.05;   // of the success rate, so that 99.9 % is no outlier of 100 %
    std::size_t endpoints_min = 5; // with at least requests_min each
    std::uint64_t requests_min = 100;
    milliseconds evaluate_every{10'000};

    static constexpr milliseconds eject_longest{3'600'000};
};

enum class ejection_phase : std::uint8_t { in_service, ejected, refusing };

enum class ejection_change : std::uint8_t { none, ejected, refused, returned };

// The state of one endpoint.
struct alignas(64) ejection {
    std::atomic<std::uint64_t> state;          // phase, n, good replies, time
    std::atomic<std::uint64_t> next_probe_ms;  // see ms_of()
    std::atomic<std::uint32_t> errors;         // in a row
    std::atomic<std::uint32_t> refused_probes; // in a row, for the next pause
    window<2> replies;                         // all and failed

    [[nodiscard]] ejection_phase phase(time_point now) const;
    /// The ejection ends then by itself; time_point{} when in service.
    [[nodiscard]] time_point until() const;
    /// The number of ejections that count for the duration of the next one.
    [[nodiscard]] std::uint32_t times() const;

    /// Whether the caller may send the endpoint a request although it is ejected: of all workers
    /// one gets true per interval. The request has to be idempotent and must have a retry left;
    /// for a refusing endpoint a connection without a request will do. A probe whose worker dies is
    /// replaced by that of the next interval.
    [[nodiscard]] bool take_probe(const ejection_settings& settings, time_point now);

    void clear();
};

// Shared by the endpoints of a service.
struct ejection_group {
    std::atomic<std::uint64_t> changes; // of states, by this or another worker
    std::atomic<std::uint64_t> next_evaluation_ms;

    void clear() {
        changes.store(0, std::memory_order_relaxed);
        next_evaluation_ms.store(0, std::memory_order_relaxed);
    }
};

static_assert(std::is_standard_layout_v<ejection> && sizeof(ejection) == 128);

// The endpoints of a service, in the memory of the caller, in the same order in all workers or not.
struct ejection_scope {
    ejection_group& group;
    std::span<ejection* const> endpoints;
};

/// Whether the endpoints besides `endpoint` (one of the scope) have replied well lately: then a 500
/// says something about it, and not about the request. O(n).
[[nodiscard]] bool
do_others_answer(const ejection_scope& scope, const ejection& endpoint, time_point now);

/// A try at `endpoint` (one of the scope) has ended.
ejection_change observe(
    const ejection_scope& scope,
    ejection& endpoint,
    const observed_try& tried,
    const ejection_settings& settings
);

/// A check (health_check.hpp) has connected to `endpoint` (one of the scope): an ejection because
/// of a refused connection ends, no other one.
ejection_change note_accepted(
    const ejection_scope& scope,
    ejection& endpoint,
    const observed_try& check,
    const ejection_settings& settings
);

/// Ejects endpoints whose success rate is too low. Costs O(n) once per interval, in one of the
/// workers; O(1) otherwise. Returns the ejected ones, as indexes of the scope.
std::vector<std::size_t> evaluate_success_rates(
    const ejection_scope& scope,
    const ejection_settings& settings,
    time_point now
);

} // namespace msd::core::resilience
