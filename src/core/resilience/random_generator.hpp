// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

namespace msd::core::resilience {

// The random numbers of balancers and policies: SplitMix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", 2014), eight bytes of state. Each worker seeds its own, so that
// two workers do not choose alike; a test gives a constant seed. Not for secrets: base/hmac.hpp has
// random_bytes(). Unlike the distributions of the standard library, the results are the same with
// every library.
class random_generator {
public:
    using result_type = std::uint64_t;

    explicit constexpr random_generator(std::uint64_t seed) : state_{seed} {}

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

    constexpr result_type operator()() {
        state_ += 0x9E3779B97F4A7C15;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// Below `count` (≥ 1): multiplication and shift (Lemire 2019) without the correction, whose
    /// effect is below `count` / 2³².
    constexpr std::uint32_t below(std::uint32_t count) { return scaled((*this)(), count); }

    /// The upper half of `bits` as a number below `count`.
    static constexpr std::uint32_t scaled(std::uint64_t bits, std::uint32_t count) {
        return static_cast<std::uint32_t>(((bits >> 32) * count) >> 32);
    }

    /// 0 ≤ value < 1.
    constexpr double unit() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

private:
    std::uint64_t state_;
};

} // namespace msd::core::resilience
