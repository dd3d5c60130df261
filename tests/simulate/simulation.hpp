// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/balance/balancer.hpp"
#include "core/resilience/breaker.hpp"
#include "core/resilience/ejection.hpp"
#include "core/resilience/retry_plan.hpp"
#include "core/resilience/try_limits.hpp"

#include <cstdint>
#include <vector>

// A discrete-event simulation of a gateway with several workers in front of a service: the policies
// of core/resilience as a gateway uses them, with simulated endpoints, time and faults. It has no
// socket and no clock; the same seed gives the same figures.
namespace msd::simulate {

enum class fault_kind : std::uint8_t {
    slow,     // takes 20 times as long
    halved,   // takes twice as long: less capacity than its share of the load needs
    dead,     // refuses connections
    flapping, // dead for 5 s, good for 5 s
    silent,   // accepts requests and never replies
    broken,   // replies 503 at once
    failing   // replies 500 at once
};

struct fault {
    fault_kind kind = fault_kind::slow;
    std::uint32_t endpoints = 0; // how many, from the first one
    milliseconds from{0};
    milliseconds until{0};
};

struct simulation_settings {
    std::uint64_t seed = 1;
    std::uint32_t endpoints = 100;
    std::uint32_t workers = 4;
    double rate_per_s = 1000;
    milliseconds length{60'000};
    milliseconds service_fixed{25};  // of an endpoint, which serves one request at a time
    milliseconds service_random{25}; // mean of the exponential part
    milliseconds timeout{5000};      // of a request
    std::vector<fault> faults;
    core::resilience::balance_policy balance = core::resilience::balance_policy::p2c;
    bool has_policies = true; // ejection, retries, breaker, limit of a try, bulkhead, slow start
    std::int32_t in_flight_max = 1024;
};

struct simulation_figures {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;   // an error reached the client
    std::uint64_t rejected = 0; // of these, at once, by breaker or bulkhead
    std::uint64_t tries = 0;
    double p50_ms = 0; // of good replies
    double p99_ms = 0;
    double settled_p99_ms = 0; // from 2 s after the faults begin until they end
    double settled_failed = 0; // part of the requests of that time
    double good_per_s = 0;
    double faulty_share = 0; // tries at the faulty endpoints, in relation to an even share
    double healed_share = 0; // the same, from 15 s after the faults end; -1: they do not end
    std::uint64_t ejections = 0;
    std::uint64_t openings = 0; // of the breaker
};

[[nodiscard]] simulation_figures simulate(const simulation_settings& settings);

} // namespace msd::simulate
