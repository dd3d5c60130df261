// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msd::core {

/// The key under which an address has a quota: an IPv4 address as it is, of an IPv6 address the
/// first 64 bits, because a single host usually has all addresses that begin with them. Other text
/// is its own key.
[[nodiscard]] std::string quota_key(std::string_view address);

// Limits a rate: of all senders together, and of each of them, so that one sender cannot take what
// the others need. A sender that was silent may use up to `burst` of its rate at once. Memory is
// bounded by senders_max; while all places are taken by senders that have sent recently, further
// senders share one place. Also counts what it refuses.
class rate_quota {
public:
    struct limits {
        std::uint64_t total_per_s = 0; // of all senders; 0: no limit
        std::uint64_t each_per_s = 0;  // of one sender; 0: no limit
        milliseconds burst{10'000};
        std::size_t senders_max = 4096;
    };

    // What was refused since the last report.
    struct refusals {
        std::uint64_t lines = 0;
        std::uint64_t bytes = 0;
        std::string most_from; // the sender with the most refused lines
    };

    explicit rate_quota(limits bounds) : bounds_{bounds} {}

    /// Whether `sender` may send `bytes` now. Something larger than the whole burst may be sent
    /// only by a sender that was silent for long enough.
    [[nodiscard]] bool take(std::string_view sender, std::uint64_t bytes, time_point now);

    /// What take() refused since the last call.
    [[nodiscard]] refusals take_refusals();
    [[nodiscard]] bool has_refused() const { return refused_.lines != 0; }

private:
    // A sender's debt: the time at which everything it sent fits its rate.
    struct place {
        time_point paid_at = time_point::min();
        std::uint64_t refused = 0; // lines since the last report
    };

    [[nodiscard]] place& place_of(std::string_view sender, time_point now);
    [[nodiscard]] bool fits(time_point paid_at, clock::duration cost, time_point now) const;
    void sweep(time_point now);

    limits bounds_;
    std::unordered_map<std::string, place> places_;
    time_point total_paid_at_ = time_point::min();
    time_point swept_at_ = time_point::min();
    refusals refused_;
};

} // namespace msd::core
