// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/fault_board.hpp"
#include "core/resilience/random_generator.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::upstream {

// What happens to one try at an endpoint, in the place of what the endpoint may do itself. The
// caller takes it for that: a delay is latency, an error the endpoint's reply, an abort and lost
// bytes are a broken connection.
struct try_fault {
    static constexpr std::string_view error_text = "the error was injected for a test (msd fault)";
    static constexpr std::string_view abort_text =
        "the connection was broken for a test (msd fault)";

    milliseconds delay{0};                   // before the call
    int error = 0;                           // status of the reply instead of the call; 0: none
    bool aborts = false;                     // the connection breaks instead of the call
    std::optional<std::uint64_t> lose_after; // it breaks behind so many bytes of the reply

    [[nodiscard]] bool any() const {
        return delay > milliseconds{0} || error != 0 || aborts || lose_after;
    }
};

// The faults of the instance (`msd fault`) as one worker knows them: a copy that is read again when
// the board has changed, so that a try costs one look at its version.
class injected_faults {
public:
    /// The board outlives this; null: there are no faults.
    explicit injected_faults(const core::fault_board* board) : board_{board} {}

    /// Those that had not expired when they were changed last; see core::fault::until.
    [[nodiscard]] const std::vector<core::fault>& known(time_point now) {
        if (board_ != nullptr && board_->version() != seen_) {
            read_again(now);
        }
        return known_;
    }
    /// The faults of this try: each one is hit by its share of the tries.
    [[nodiscard]] try_fault
    draw(std::string_view service, std::string_view endpoint, time_point now) {
        try_fault drawn;
        for (const core::fault& each : known(now)) {
            const bool applies = each.service == service && now < each.until &&
                                 (each.endpoint.empty() || each.endpoint == endpoint);
            if (applies && random_.below(core::fault::percent_max) < each.percent) {
                add(drawn, each);
            }
        }
        return drawn;
    }

private:
    // Delays add up; of several ends the first one counts.
    static void add(try_fault& to, const core::fault& one) {
        to.delay = std::min(to.delay + one.delay, core::fault::delay_max);
        if (to.error == 0 && !to.aborts) {
            to.error = one.error;
            to.aborts = one.aborts;
        }
        if (one.lose_after) {
            to.lose_after = std::min(to.lose_after.value_or(*one.lose_after), *one.lose_after);
        }
    }

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
    core::resilience::random_generator random_{std::random_device{}()};
};

} // namespace msd::upstream
