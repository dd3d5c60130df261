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
        leave_empty,           // a configuration error before any READY: see retry_left_empty()
        give_up,               // never READY and too many failures: exit 70
        give_up_configuration, // never READY and every slot is left empty: exit 78
    };

    struct verdict {
        action what = action::replace;
        time_point at{};
        bool early = false;
    };

    // All it knows, for a policy that goes on where this one stops.
    struct memory {
        struct slot {
            int early_deaths = 0;
            bool is_ready = false;
            bool left_empty = false;
            time_point ready_since{};

            bool operator==(const slot&) const = default;
        };

        std::vector<slot> slots;
        // Replacements planned or done within the window, in order of time.
        std::deque<time_point> replacements;
        int start_failures = 0;
        bool ever_ready = false;

        bool operator==(const memory&) const = default;
    };

    static constexpr int exit_configuration = 78;

    restart_policy(restart_settings settings, std::size_t slots);
    restart_policy(restart_settings settings, memory known);

    /// A worker of `slot` said READY.
    void ready(std::size_t slot, time_point now);

    /// The worker of `slot` ended without having been told to. `exit_code` is -1 when a signal
    /// killed it; `jitter` is a random number in [-1, 1].
    [[nodiscard]] verdict died(std::size_t slot, int exit_code, time_point now, double jitter);

    /// There is a reason to fill slots again that were left empty: the configuration was corrected,
    /// or another worker got READY with it. They are returned.
    [[nodiscard]] std::vector<std::size_t> retry_left_empty();

    /// From now on; deaths are judged by them.
    void set(const restart_settings& settings) { settings_ = settings; }

    /// New slots are empty; what was known of slots that go is forgotten.
    void resize(std::size_t slots) { known_.slots.resize(slots); }

    [[nodiscard]] bool is_left_empty(std::size_t slot) const {
        return known_.slots[slot].left_empty;
    }
    /// Early deaths of the slot that are not forgotten yet.
    [[nodiscard]] int early_deaths(std::size_t slot) const {
        return known_.slots[slot].early_deaths;
    }
    [[nodiscard]] const memory& known() const { return known_; }

private:
    [[nodiscard]] verdict leave_empty(memory::slot& slot);
    [[nodiscard]] milliseconds backoff(int early_deaths, double jitter) const;
    time_point under_cap(time_point wanted);

    restart_settings settings_;
    memory known_;
};

} // namespace msd::core
