// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace msd::core {

struct restart_settings {
    milliseconds early{500};         // a death within this time after READY is early
    milliseconds forget_after{5000}; // READY for this long resets the count of early deaths
    milliseconds backoff_first{100}; // after the first early death, doubling
    milliseconds backoff_max{30'000};
    int backoff_jitter_percent = 20;   // ±
    int start_failures_max = 10;       // of a pool that was never READY
    milliseconds spawn_window{10'000}; // the cap counts replacements in this period
    int spawns_per_window_min = 20;    // the cap is at least this number,
    int spawns_per_worker = 4;         // or this number per worker, if that is more
};

// Decides what happens to a slot of a pool when its worker dies: it is filled again at once, after
// a pause, or not at all. A death is early before READY or shortly after it. Only early deaths are
// counted and backed off, so that a crash under load costs milliseconds and a broken start does not
// occupy the processor. Knows no processes; time is an argument.
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

    // The complete state, for a policy that continues in another process.
    struct memory {
        struct slot {
            int early_deaths = 0;
            bool is_ready = false;
            bool left_empty = false;
            time_point ready_since{};

            bool operator==(const slot&) const = default;
        };

        std::vector<slot> slots;
        // Times of replacements that are planned or were made within the window, in order.
        std::deque<time_point> replacements;
        int start_failures = 0;
        bool ever_ready = false;

        bool operator==(const memory&) const = default;
    };

    static constexpr int exit_configuration = 78;

    restart_policy(restart_settings settings, std::size_t slots);
    restart_policy(restart_settings settings, memory known);

    /// The worker of `slot` is READY.
    void ready(std::size_t slot, time_point now);

    /// The worker of `slot` ended without an order to stop. `exit_code` is -1 when a signal
    /// killed it; `jitter` is a random number in [-1, 1].
    [[nodiscard]] verdict died(std::size_t slot, int exit_code, time_point now, double jitter);

    /// Returns the slots that were left empty, to be filled again: the configuration was corrected,
    /// or another worker became READY with it.
    [[nodiscard]] std::vector<std::size_t> retry_left_empty();

    /// Settings for deaths from now on.
    void set(const restart_settings& settings) { settings_ = settings; }

    /// New slots are empty; the state of removed slots is discarded.
    void resize(std::size_t slots) { known_.slots.resize(slots); }

    [[nodiscard]] bool is_left_empty(std::size_t slot) const {
        return known_.slots[slot].left_empty;
    }
    /// Early deaths of the slot since the count was reset.
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
