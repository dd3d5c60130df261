// SPDX-License-Identifier: Apache-2.0
#include "base/backoff.hpp"

#include <algorithm>
#include <random>

namespace msd {

namespace {

constexpr int doublings_max = 30;

// Seeded per process: the state must not be the same in two workers.
double random_unit() {
    thread_local std::minstd_rand engine{std::random_device{}()};
    return std::uniform_real_distribution<double>{-1.0, 1.0}(engine);
}

} // namespace

milliseconds spread(milliseconds span, double jitter) {
    const double factor = 1.0 + jitter * random_unit();
    return milliseconds{static_cast<milliseconds::rep>(static_cast<double>(span.count()) * factor)};
}

milliseconds backoff_delay(int failures, milliseconds first, milliseconds longest, double jitter) {
    const int doublings = std::clamp(failures - 1, 0, doublings_max);
    return spread(std::min(longest, first * (std::int64_t{1} << doublings)), jitter);
}

} // namespace msd
