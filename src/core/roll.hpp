// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// A rolling replacement of workers, one slot after the other: a new worker is started beside the
// old one, becomes READY, runs for the soak time, then the old worker is retired. When a new worker
// fails, the roll is aborted and rolled back: the slots that were replaced get their previous
// program again in the same way, in reverse order. Targets are numbers; the owner knows the pool
// and slot of each target and its previous program. Knows no processes; time is an argument: the
// owner asks for the next step and reports its result.
class roll {
public:
    enum class action : std::uint8_t {
        none,   // wait until due(), or until a result is reported
        start,  // a new worker for `target`
        retire, // the old worker of `target`
        discard // the new worker of `target`, which failed but still runs
    };

    struct step {
        action what = action::none;
        std::size_t target = 0;
        bool back = false; // roll back: to the program that ran before the roll
    };

    enum class phase : std::uint8_t {
        next, // the target is to be started
        starting,
        soaking,
        retiring,
        done,
        aborted,
    };

    roll(std::size_t targets, milliseconds soak);

    /// What to do now. A step is returned once; its result is reported by the functions below.
    [[nodiscard]] step advance(time_point now);
    [[nodiscard]] time_point due() const;

    /// The new worker is READY.
    void ready(time_point now);
    /// The new worker has no heartbeat: it soaks at least until that time.
    void hold(time_point until);
    /// The old worker is draining.
    void retired();
    /// The new worker could not be started, ended, took too long, or did not take over.
    void failed(std::string_view why);
    /// The target does not exist any more.
    void skip();
    /// Appends `more` targets. Not during a rollback.
    void extend(std::size_t more);

    [[nodiscard]] std::size_t target() const { return target_; }
    [[nodiscard]] phase now_is() const { return phase_; }
    /// Slots replaced so far; during a rollback, those not rolled back yet.
    [[nodiscard]] std::size_t finished() const { return moved_.size(); }
    [[nodiscard]] std::size_t targets() const { return targets_; }
    [[nodiscard]] bool is_going_back() const { return back_; }
    [[nodiscard]] bool is_over() const { return phase_ == phase::done || phase_ == phase::aborted; }
    /// Why it was aborted; empty otherwise.
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    void go_on();

    std::size_t targets_;
    milliseconds soak_;
    std::size_t target_ = 0;
    phase phase_ = phase::next;
    bool back_ = false;
    bool discard_ = false;
    std::size_t discarded_ = 0;
    time_point soaked_at_ = time_point::max();
    std::vector<std::size_t> moved_;
    std::string reason_;
};

[[nodiscard]] std::string_view text_of(roll::phase phase);

} // namespace msd::core
