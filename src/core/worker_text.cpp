// SPDX-License-Identifier: Apache-2.0
#include "core/worker_text.hpp"

#include <algorithm>
#include <cstring>

namespace msd::core {

namespace {

constexpr int looks_max = 3; // a worker writes for microseconds, and seldom

} // namespace

void worker_text::write(std::string_view text) {
    const std::size_t size = text.size() <= bytes_max ? text.size() : 0;
    // A worker that was killed while it wrote has left an odd version to its successor.
    const std::uint64_t begun = version_.load(std::memory_order_relaxed) | 1;
    version_.store(begun, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    bytes_.store(size, std::memory_order_relaxed);
    for (std::size_t at = 0; at < size; at += word_bytes) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, std::min(word_bytes, size - at));
        words_[at / word_bytes].store(word, std::memory_order_relaxed);
    }
    version_.store(begun + 1, std::memory_order_release);
}

std::optional<std::string> worker_text::read() const {
    for (int look = 0; look < looks_max; ++look) {
        const std::uint64_t before = version_.load(std::memory_order_acquire);
        const std::uint64_t size = bytes_.load(std::memory_order_relaxed);
        if ((before & 1) != 0 || size == 0 || size > bytes_max) {
            continue;
        }
        std::string text(size, '\0');
        for (std::size_t at = 0; at < size; at += word_bytes) {
            const std::uint64_t word = words_[at / word_bytes].load(std::memory_order_relaxed);
            std::memcpy(text.data() + at, &word, std::min(word_bytes, text.size() - at));
        }
        std::atomic_thread_fence(std::memory_order_acquire);
        if (version_.load(std::memory_order_relaxed) == before) {
            return text;
        }
    }
    return std::nullopt;
}

} // namespace msd::core
