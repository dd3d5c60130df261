// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace msd::core::resilience {

// Active checks: an endpoint without traffic is asked regularly whether it works, so that a dead
// address is known before a client's request meets it. The state is shared by the workers of a
// host, of which one makes each check. Zeroed memory is an endpoint that was never checked.
//
// - `fall` failed checks in a row make an endpoint unhealthy, `rise` good ones healthy again. The
//   first check of all decides alone: a new address that is dead gets no requests.
// - An endpoint that does not accept connections is unreachable: then a panic does not use it
//   either (endpoint_set.hpp), because a refusal is no guess.

// Statuses of HTTP that a good reply has.
struct status_range {
    int first = 200;
    int last = 399;

    bool operator==(const status_range&) const = default;
};

struct check_settings {
    std::string path; // of a GET over HTTP; empty: the check only connects
    std::string host; // the Host of that request; empty: the address of the endpoint
    std::vector<status_range> statuses = {status_range{}};
    milliseconds every{2000}; // ± 10 %; 0: no checks
    milliseconds timeout{1000};
    std::uint32_t fall = 3; // ≥ 1
    std::uint32_t rise = 2; // ≥ 1

    [[nodiscard]] bool is_on() const { return every > milliseconds{0}; }
    [[nodiscard]] bool accepts(int status) const;
};

/// Reads "200" and "200-399"; errc::invalid.
[[nodiscard]] result<status_range> status_range_of(std::string_view text);
[[nodiscard]] std::string text_of(const status_range& range);

enum class health : std::uint8_t {
    unknown, // not checked yet
    healthy,
    unhealthy,
    unreachable // unhealthy, and nothing accepts connections at the address
};

enum class health_change : std::uint8_t { none, fell, rose };

// What one check has shown.
struct check_result {
    health what = health::healthy; // not unknown
    bool is_proof = false;         // a reply of the service itself, not only a connection
    std::string why;               // of a failure, for people: "status 500"
};

// The state of one endpoint.
struct health_cell {
    std::atomic<std::uint64_t> next_ms;  // see ms_of(): when the next check is due
    std::atomic<std::uint32_t> combined; // health, and how many checks in a row contradict it

    [[nodiscard]] health now() const;
    /// A time that is further away than any interval was written by no worker: `now` then.
    [[nodiscard]] time_point due(const check_settings& settings, time_point now) const;
    /// Whether the caller has to make the check that is due: true in one worker. When that worker
    /// dies, the next check comes an interval later. `chance`: 0 ≤ value < 1, for the jitter.
    [[nodiscard]] bool take(const check_settings& settings, time_point now, double chance);
    health_change observe(health result, const check_settings& settings);

    void clear() {
        next_ms.store(0, std::memory_order_relaxed);
        combined.store(0, std::memory_order_relaxed);
    }
};

static_assert(std::is_standard_layout_v<health_cell>);

} // namespace msd::core::resilience
