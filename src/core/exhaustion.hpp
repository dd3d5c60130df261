// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>

namespace msd::core {

/// Whether accept(2) failed with `reason` because something has run out that will be there again.
/// Who waits is still waiting then, and wakes the accepter at once.
[[nodiscard]] constexpr bool is_exhaustion(int reason) {
    return reason == EMFILE || reason == ENFILE || reason == ENOBUFS || reason == ENOMEM;
}
/// For so long accepting pauses.
inline constexpr milliseconds exhaustion_pause{500};

// Keeps the log readable while descriptors run out again and again: what happens within one episode
// is told once at its beginning and once at its end. An episode is over when accepting has gone
// well for a while. Only the bookkeeping; pausing is net/listener's.
class exhaustion {
public:
    static constexpr milliseconds quiet{10'000};

    /// Accepting has to pause. True: this begins an episode, say so.
    [[nodiscard]] bool begins(time_point now) {
        const bool is_first = pauses_ == 0;
        ++pauses_;
        last_ = now;
        return is_first;
    }

    /// A connection was accepted. The number of pauses when that ends an episode, say so.
    [[nodiscard]] std::optional<std::uint64_t> ends(time_point now) {
        if (pauses_ == 0 || now - last_ < quiet) {
            return std::nullopt;
        }
        const std::uint64_t all = pauses_;
        pauses_ = 0;
        return all;
    }

private:
    std::uint64_t pauses_ = 0;
    time_point last_{};
};

} // namespace msd::core
