// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <random>

namespace msd {

namespace {

// Seeded per process: two workers must not draw the same numbers.
std::uint64_t random_bits() {
    thread_local std::mt19937_64 engine{[] {
        std::random_device device;
        return std::uint64_t{device()} << 32 | device();
    }()};
    return engine();
}

} // namespace

std::string uuid_v7() {
    using std::chrono::duration_cast;
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    const auto unix_ms =
        static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(since_epoch).count());
    constexpr std::uint64_t version = 0x7000;
    constexpr std::uint64_t variant = std::uint64_t{0b10} << 62;
    const std::uint64_t high = unix_ms << 16 | version | (random_bits() & 0x0fff);
    const std::uint64_t low = variant | (random_bits() >> 2);
    constexpr std::array<std::size_t, 4> dashes{8, 13, 18, 23};
    std::string text(36, '-');
    std::size_t at = 0;
    for (int nibble = 0; nibble < 32; ++nibble, ++at) {
        for (const std::size_t dash : dashes) {
            at += at == dash ? 1 : 0;
        }
        const std::uint64_t half = nibble < 16 ? high : low;
        text[at] = "0123456789abcdef"[half >> (60 - 4 * (nibble % 16)) & 0xf];
    }
    return text;
}

} // namespace msd
