// SPDX-License-Identifier: Apache-2.0
#include "gateway/rate_limits.hpp"

#include <random>
#include <span>

namespace msd::gateway {

namespace {

using core::resilience::limiter_table;

constexpr std::size_t own_keys_max = 4096;

core::resilience::hash_key random_key() {
    std::random_device source;
    const auto half = [&source] {
        return std::uint64_t{source()} << 32U | source();
    };
    return {half(), half()};
}

} // namespace

rate_limits::rate_limits(const std::optional<core::scoreboard>& board)
    : own_(board ? 0 : limiter_table::cells_for(own_keys_max)),
      hashing_{board ? board->shared().hashing_key() : random_key()},
      table_{board ? std::span{board->shared().limits} : std::span{own_}} {}

} // namespace msd::gateway
