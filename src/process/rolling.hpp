// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "core/roll.hpp"
#include "process/launch_plan.hpp"
#include "process/master_state.hpp"
#include "process/pool.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace msd::process {

// Whose workers are to be replaced, and by what.
struct roll_request {
    enum class kind : std::uint8_t {
        same_plan,         // what each slot has: a worker is taken out of use
        new_configuration, // the program of now, the configuration as it was read last
        new_program,       // the program on the disk, too
    };

    kind what = kind::new_program;
    std::set<std::string, std::less<>> pools;
    std::set<std::pair<std::string, std::size_t>> slots; // besides
};

// The rolls of a master: one at a time, pool after pool, slot after slot, and at most one more that
// waits; what is asked for meanwhile joins that one. Does in the pools what core::roll decides.
class rolling {
public:
    /// What workers that had the second come to have in a new roll; an error is why there is none.
    using planner = std::function<result<shared_plan>(roll_request::kind, const shared_plan&)>;
    /// A roll to that plan is over, and all pools that it was of have it.
    using success = std::function<void(const shared_plan&)>;

    rolling(std::list<pool>& pools, planner plan, success on_success);

    /// As another program left it; for one that has done nothing yet.
    void resume(const rolls_state& left);
    /// For resume(). No roll may be active: there is no way to leave half of one.
    [[nodiscard]] rolls_state state() const;

    /// While held the next roll waits; the one that goes on does go on.
    void hold(bool held) { held_ = held; }

    /// The number of the roll that will do it. Numbers count up.
    std::uint64_t request(roll_request wanted, milliseconds soak);

    /// Whatever is due; call it whenever something has happened to a worker.
    void advance(time_point now);
    [[nodiscard]] time_point due() const;

    /// Ends it where it stands: the instance stops.
    void abandon(time_point now);

    /// What a slot that is added to that pool starts from. During a roll that is what the others
    /// had before: it is rolled with them, and there to go back to.
    [[nodiscard]] shared_plan plan_for_new_slot(const pool& of) const;

    [[nodiscard]] bool is_active() const { return active_.has_value(); }
    [[nodiscard]] bool is_idle() const { return !active_ && !waiting_; }
    /// {"id","state","of","reason","waiting","previous":{"id","state","of","reason"}}, of the roll
    /// that goes on also "slot","phase","done". The states: idle, rolling, rolling_back, done,
    /// aborted.
    void write(json::writer& out) const;
    /// The same in a few words; empty when there never was a roll.
    [[nodiscard]] std::string summary() const;
    /// Whether that one has ended otherwise than it was meant to, as far as it is remembered.
    [[nodiscard]] bool was_aborted(std::uint64_t id) const;

private:
    struct target {
        pool* of;
        std::size_t slot;
        shared_plan before; // what the slot had
        shared_plan after;  // what it is to have; the same when only its worker is replaced
    };

    struct running {
        std::uint64_t id;
        roll_request::kind what;
        std::vector<target> targets;
        core::roll progress;
    };

    struct request_in_waiting {
        std::uint64_t id;
        roll_request wanted;
        milliseconds soak;
    };

    void begin();
    void perform(const core::roll::step& step, time_point now);
    void look(time_point now);
    void finish();
    void end(outcome how);
    void write_active(json::writer& out) const;
    static void write_outcome(json::writer& out, const outcome& of);
    [[nodiscard]] result<std::vector<target>> targets_of(const roll_request& wanted);
    [[nodiscard]] std::vector<target> added_meanwhile() const;
    [[nodiscard]] std::string name_of(const target& one) const;
    [[nodiscard]] std::string what_runs_now() const;

    std::list<pool>& pools_;
    planner plan_;
    success on_success_;
    std::optional<running> active_;
    std::optional<request_in_waiting> waiting_;
    bool held_ = false;
    std::uint64_t last_id_ = 0;
    outcome last_;
    outcome before_last_;
};

} // namespace msd::process
