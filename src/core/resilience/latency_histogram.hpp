// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace msd::core::resilience {

// The latencies of the recent good replies of a route, in one worker, for the limit of a try
// (try_limits.hpp): buckets with four steps for each doubling, so a percentile is at most 25 % too
// high. Every ten seconds all counts are halved, so old replies lose their weight. 140 µs to 10
// minutes; what is outside counts as the first or the last bucket.
class latency_histogram {
public:
    static constexpr milliseconds halved_every{10'000};
    // Of fewer replies, a percentile says nothing.
    static constexpr std::uint32_t replies_min = 50;

    void add(std::chrono::microseconds latency, time_point now) {
        if (now - halved_ >= halved_every) {
            halve(now);
        }
        ++counts_[bucket_of(latency)];
        ++total_;
    }

    /// The 99th percentile, rounded up; 0: there are not enough replies. Computed once per second.
    [[nodiscard]] milliseconds p99(time_point now) {
        if (now >= due_) {
            due_ = now + std::chrono::seconds{1};
            p99_ = std::chrono::ceil<milliseconds>(percentile(99));
        }
        return p99_;
    }

    /// The latency that `percent` of the replies did not exceed, rounded up; 0: there are not
    /// enough replies.
    [[nodiscard]] std::chrono::microseconds percentile(unsigned percent) const {
        if (total_ < replies_min) {
            return std::chrono::microseconds{0};
        }
        std::uint64_t above = total_ * (100 - percent) / 100; // replies that may be slower
        for (std::size_t bucket = buckets; bucket > 0; --bucket) {
            const std::uint32_t count = counts_[bucket - 1];
            if (count > above) {
                return end_of(bucket - 1);
            }
            above -= count;
        }
        return std::chrono::microseconds{0};
    }

private:
    static constexpr unsigned steps_bits = 2;
    static constexpr unsigned least_bits = 7; // 128 µs
    static constexpr std::size_t buckets = 92;

    static std::size_t bucket_of(std::chrono::microseconds latency) {
        const auto us = static_cast<std::uint64_t>(
            std::max<std::int64_t>(latency.count(), std::int64_t{1} << least_bits)
        );
        const auto doubling = static_cast<unsigned>(std::bit_width(us)) - 1;
        const std::uint64_t step = (us >> (doubling - steps_bits)) & ((1U << steps_bits) - 1);
        const std::size_t bucket =
            ((doubling - least_bits) << steps_bits) + static_cast<std::size_t>(step);
        return std::min(bucket, buckets - 1);
    }

    // The first latency that belongs to the next bucket.
    static std::chrono::microseconds end_of(std::size_t bucket) {
        const std::size_t next = bucket + 1;
        const unsigned doubling = static_cast<unsigned>(next >> steps_bits) + least_bits;
        const std::uint64_t step = (1U << steps_bits) + (next & ((1U << steps_bits) - 1));
        return std::chrono::microseconds{step << (doubling - steps_bits)};
    }

    void halve(time_point now) {
        halved_ = now;
        total_ = 0;
        for (std::uint32_t& count : counts_) {
            count /= 2;
            total_ += count;
        }
    }

    std::array<std::uint32_t, buckets> counts_{};
    std::uint64_t total_ = 0;
    time_point halved_{};
    time_point due_{};
    milliseconds p99_{0};
};

} // namespace msd::core::resilience
