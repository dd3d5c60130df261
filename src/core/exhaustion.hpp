// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>

namespace msd::core {

/// Whether accept(2) failed with `reason` because a resource is exhausted for the moment. The
/// connection is still in the queue then, and wakes the accept thread at once.
[[nodiscard]] constexpr bool is_exhaustion(int reason) {
    return reason == EMFILE || reason == ENFILE || reason == ENOBUFS || reason == ENOMEM;
}
/// How long accepting pauses after that.
inline constexpr milliseconds exhaustion_pause{500};

// Keeps the log readable while descriptors run out repeatedly: an episode is logged once when it
// begins and once when it ends. It ends when accepting has succeeded for a while. This is only the
// bookkeeping; net/listener does the pausing.
class exhaustion {
public:
    static constexpr milliseconds quiet{10'000};

    /// Accepting has to pause. Returns whether an episode begins, which is to be logged.
    [[nodiscard]] bool begins(time_point now) {
        const bool is_first = pauses_ == 0;
        ++pauses_;
        last_ = now;
        return is_first;
    }

    /// A connection was accepted. When that ends an episode: its number of pauses, to be logged.
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
