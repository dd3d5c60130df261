// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "core/roll.hpp"
#include "process/launch_plan.hpp"
#include "process/master_state.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace msd::process {

// Which workers are to be replaced, and by what.
struct roll_request {
    enum class kind : std::uint8_t {
        same_plan,         // the plan of each slot: only the process is replaced
        new_configuration, // the running program with the configuration that was read last
        new_program,       // the program on the disk with that configuration
    };

    kind what = kind::new_program;
    std::set<std::string, std::less<>> pools;
    std::set<std::pair<std::string, std::size_t>> slots; // besides
};

// The rolls of a master. One is active, pool after pool and slot after slot, and at most one more
// waits; further requests are merged into the waiting one. core::roll decides the steps, this class
// carries them out in the pools.
class rolling {
public:
    /// Makes the plan that replaces the given one in a roll of that kind, or says why it cannot.
    using planner = std::function<result<shared_plan>(roll_request::kind, const shared_plan&)>;
    /// Called when a roll to that plan has succeeded in all of its pools.
    using success = std::function<void(const shared_plan&)>;

    rolling(std::list<worker_pool>& pools, planner plan, success on_success);

    /// Continues with the state that the earlier program in this process left. Call it first.
    void resume(const rolls_state& left);
    /// The state for resume(). No roll may be active: half a roll cannot be passed on.
    [[nodiscard]] rolls_state state() const;

    /// While held, no roll begins; an active roll continues.
    void hold(bool held) { held_ = held; }

    /// Returns the number of the roll that will do it. Numbers increase.
    std::uint64_t request(roll_request wanted, milliseconds soak);

    /// Takes the steps that are due. Call it whenever the state of a worker has changed.
    void advance(time_point now);
    [[nodiscard]] time_point due() const;

    /// Ends the active roll where it is, because the instance stops.
    void abandon(time_point now);

    /// The plan for a slot that is added to that pool. During a roll it is the plan from before the
    /// roll: the new slot is rolled with the others, and a rollback ends at the same plan.
    [[nodiscard]] shared_plan plan_for_new_slot(const worker_pool& of) const;

    /// Whether the roll that waits gives the workers of that pool a new plan.
    [[nodiscard]] bool will_renew(const worker_pool& pool) const;

    [[nodiscard]] bool is_active() const { return active_.has_value(); }
    [[nodiscard]] bool is_idle() const { return !active_ && !waiting_; }
    /// {"id","state","of","reason","waiting","previous":{"id","state","of","reason"}}; an active
    /// roll also has "slot","phase","done". The states: idle, rolling, rolling_back, done, aborted.
    void write(json::writer& out) const;
    /// A summary in a few words; empty when there was no roll.
    [[nodiscard]] std::string summary() const;
    /// Whether that roll was aborted. Only the last two rolls are remembered.
    [[nodiscard]] bool was_aborted(std::uint64_t id) const;

private:
    struct target {
        worker_pool* of;
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
    void end(operation_result how);
    void write_active(json::writer& out) const;
    static void write_operation_result(json::writer& out, const operation_result& of);
    [[nodiscard]] result<std::vector<target>> targets_of(const roll_request& wanted);
    [[nodiscard]] std::vector<target> added_meanwhile() const;
    [[nodiscard]] std::string name_of(const target& one) const;
    [[nodiscard]] std::string what_runs_now() const;

    std::list<worker_pool>& pools_;
    planner plan_;
    success on_success_;
    std::optional<running> active_;
    std::optional<request_in_waiting> waiting_;
    bool held_ = false;
    std::uint64_t last_id_ = 0;
    operation_result last_;
    operation_result before_last_;
};

} // namespace msd::process
