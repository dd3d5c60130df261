// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// A rolling replacement, one slot after the other: a new worker beside the old one, READY, unharmed
// for the soak time, then the old one retires. When a new worker fails, the roll is aborted: the
// slots done by then go back, in reverse order, the same way. Targets are numbers; which pool and
// slot a number means, and what was started before, its owner knows. No processes and no clock: the
// owner asks for the next step and says how it went.
class roll {
public:
    enum class action : std::uint8_t {
        none,   // nothing before due(), or before something is said
        start,  // a new worker for `target`
        retire, // the old worker of `target`
        discard // the new worker of `target`: it failed while it lived
    };

    struct step {
        action what = action::none;
        std::size_t target = 0;
        bool back = false; // to what was there before the roll
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

    /// What to do now. A step is given once; its outcome is told with the functions below.
    [[nodiscard]] step advance(time_point now);
    [[nodiscard]] time_point due() const;

    /// The new worker said READY.
    void ready(time_point now);
    /// The new worker gives no sign of life: it soaks until then at least.
    void hold(time_point until);
    /// The old worker is on its way.
    void retired();
    /// The new worker could not be started, ended, took too long, or did not take over.
    void failed(std::string_view why);
    /// The target does not exist any more.
    void skip();
    /// So many more targets, behind those there are. Not while it goes back.
    void extend(std::size_t more);

    [[nodiscard]] std::size_t target() const { return target_; }
    [[nodiscard]] phase now_is() const { return phase_; }
    /// Slots done so far; while going back, those not yet back.
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
