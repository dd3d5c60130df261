// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/fault_board.hpp"
#include "core/scoreboard.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace msd::gateway {

// The faults of the instance as one worker knows them: a copy that is read again when the board has
// changed, so that a request costs one look at its version.
class injected_faults {
public:
    /// The board outlives this; without one there are no faults.
    explicit injected_faults(const std::optional<core::scoreboard>& board)
        : board_{board ? &board->faults() : nullptr} {}

    /// Those that have not expired at the time of the last change; see core::fault::until.
    [[nodiscard]] const std::vector<core::fault>& now(time_point now) {
        if (board_ != nullptr && board_->version() != seen_) {
            read_again(now);
        }
        return known_;
    }

private:
    void read_again(time_point now) {
        const std::uint64_t version = board_->version();
        bool is_whole = false;
        auto fresh = board_->read(now, is_whole);
        if (is_whole && board_->version() == version) {
            known_ = std::move(fresh);
            seen_ = version;
        }
    }

    const core::fault_board* board_;
    std::uint64_t seen_ = 0;
    std::vector<core::fault> known_;
};

} // namespace msd::gateway
