// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.hpp"

#include <chrono>
#include <cstddef>
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

// The lowest `digits` hexadecimal digits of `value`.
void put_hex(std::string& text, std::size_t at, std::uint64_t value, std::size_t digits) {
    for (std::size_t left = digits; left > 0; --left) {
        text[at + left - 1] = "0123456789abcdef"[value & 0xf];
        value >>= 4;
    }
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
    std::string text(36, '-');
    put_hex(text, 0, high >> 32, 8);
    put_hex(text, 9, high >> 16, 4);
    put_hex(text, 14, high, 4);
    put_hex(text, 19, low >> 48, 4);
    put_hex(text, 24, low, 12);
    return text;
}

} // namespace msd
