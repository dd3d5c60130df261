// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace msd::core {

struct restart_settings {
    milliseconds early{500};         // dying within that after READY is an early death
    milliseconds forget_after{5000}; // READY that long: earlier early deaths are forgotten
    milliseconds backoff_first{100}; // after the first early death, doubling
    milliseconds backoff_max{30'000};
    int backoff_jitter_percent = 20;   // ±
    int start_failures_max = 10;       // of a pool that was never READY
    milliseconds spawn_window{10'000}; // the cap counts replacements in this span
    int spawns_per_window_min = 20;    // the cap is at least that …
    int spawns_per_worker = 4;         // … or that many times the workers
};

// What becomes of the slots of one pool when their workers die: replaced at once, after a pause, or
// not any more. A death is early before READY or shortly after it; only early deaths count and back
// off, so that a crash under load costs milliseconds and a broken start does not burn the
// processor. Knows no processes and no clock: the master tells it what happened and when.
class restart_policy {
public:
    enum class action : std::uint8_t {
        replace,               // at `at`
        leave_empty,           // a configuration error: trying again would not help
        give_up,               // never READY and too many failures: exit 70
        give_up_configuration, // never READY and every slot is left empty: exit 78
    };

    struct verdict {
        action what = action::replace;
        time_point at{};
        bool early = false;
    };

    static constexpr int exit_configuration = 78;

    restart_policy(restart_settings settings, std::size_t slots);

    /// A worker of `slot` said READY.
    void ready(std::size_t slot, time_point now);

    /// The worker of `slot` ended without having been told to. `exit_code` is -1 when a signal
    /// killed it; `jitter` is a random number in [-1, 1].
    [[nodiscard]] verdict died(std::size_t slot, int exit_code, time_point now, double jitter);

    /// The configuration was corrected: slots left empty may be filled again. They are returned.
    [[nodiscard]] std::vector<std::size_t> configuration_changed();

    [[nodiscard]] bool was_ever_ready() const { return ever_ready_; }
    /// Early deaths of the slot that are not forgotten yet.
    [[nodiscard]] int early_deaths(std::size_t slot) const { return slots_[slot].early_deaths; }

private:
    struct slot_state {
        int early_deaths = 0;
        bool is_ready = false;
        bool left_empty = false;
        time_point ready_since{};
    };

    [[nodiscard]] verdict leave_empty(slot_state& slot);
    [[nodiscard]] milliseconds backoff(int early_deaths, double jitter) const;
    time_point under_cap(time_point wanted);

    restart_settings settings_;
    std::vector<slot_state> slots_;
    std::deque<time_point> replacements_; // planned or done within the window, in order of time
    int start_failures_ = 0;
    bool ever_ready_ = false;
};

} // namespace msd::core
