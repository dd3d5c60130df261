// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/host_table.hpp"
#include "core/resilience/breaker.hpp"
#include "core/resilience/bulkhead.hpp"
#include "core/resilience/ejection.hpp"
#include "core/resilience/endpoint_load.hpp"
#include "core/resilience/health_check.hpp"
#include "core/resilience/in_flight.hpp"
#include "core/resilience/keyed_hash.hpp"
#include "core/resilience/rate_limiter.hpp"
#include "core/resilience/retry_budget.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// What the workers of a host share for the policies of this folder: one layout, in the memory of
// core/scoreboard.hpp. Zeroed memory is a host without traffic.
namespace msd::core::resilience {

// A service, for all its callers on this host.
struct service_cell {
    retry_budget retries;
    ejection_group ejections;
    bulkhead_counts requests;

    void clear() {
        retries.clear();
        ejections.clear();
        requests.running.store(0, std::memory_order_relaxed);
        requests.waiting.store(0, std::memory_order_relaxed);
    }
};

// One instance of a service: an address that is called.
struct endpoint_cell {
    endpoint_load load;
    // 0: no reply has proved yet that the endpoint works, and no check either; else it was proved.
    std::atomic<std::uint32_t> is_proven;
    std::atomic<std::uint64_t> started_ms; // see ms_of(): the slow start began; 0: none
    health_cell checks;
    ejection state;

    void clear() {
        load.clear();
        is_proven.store(0, std::memory_order_relaxed);
        started_ms.store(0, std::memory_order_relaxed);
        checks.clear();
        state.clear();
    }
};

struct host_state {
    static constexpr std::uint32_t services_max = 1024;
    static constexpr std::uint32_t endpoints_max = 4096; // of all services
    static constexpr std::uint32_t breakers_max = 4096;  // one for each service and route
    static constexpr std::size_t limited_keys_max = 65'536;

    // What one worker has in flight, see in_flight.hpp.
    struct worker_parts {
        std::array<shared_count, endpoints_max> endpoints;
        std::array<bulkhead_counts, services_max> services;
    };

    // Of keyed_hash(); set by the master before the first worker starts.
    std::array<std::atomic<std::uint64_t>, 2> key;
    host_table<service_cell, services_max> services;
    host_table<breaker, breakers_max> breakers;
    host_table<endpoint_cell, endpoints_max> endpoints;
    std::array<std::atomic<std::uint64_t>, limiter_table::cells_for(limited_keys_max)> limits;

    [[nodiscard]] hash_key hashing_key() const {
        return {key[0].load(std::memory_order_relaxed), key[1].load(std::memory_order_relaxed)};
    }

    /// Subtracts what a worker that has ended left in flight. O(places in use).
    void reclaim(worker_parts& of);
};

static_assert(std::is_standard_layout_v<host_state>);

} // namespace msd::core::resilience
