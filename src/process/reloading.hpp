// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/master_state.hpp"
#include "process/worker_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace msd::process {

// The result of reading the configuration again.
struct reconfiguration {
    supervision_settings supervision;
    std::map<std::string, int> workers;                // of each pool
    std::shared_ptr<const unique_fd> config;           // the file as it was read; empty: none
    std::set<std::string, std::less<>> pools_affected; // their workers have to be replaced
    std::set<std::string, std::less<>> pools_live;     // their workers can apply what has changed
    /// Called once, with whether this configuration has taken effect.
    std::function<void(bool in_effect)> settle = [](bool) {
    };
};

// The reloads of a master. One is active, and at most one more waits; further requests are merged
// into the waiting one. Keys that workers apply while they serve are sent to them first: CONFIGURE
// with the file, to all workers of the pools that read such a key. When one of them refuses, the
// others get their previous file back, and nothing has changed. When one does not answer, because
// it hangs or runs a program that does not know CONFIGURE, its pool is rolled instead. Everything
// else is up to the master: see actions::adopt.
class reloading {
public:
    struct actions {
        /// Reads the configuration; on an error nothing changes.
        std::function<result<reconfiguration>()> read;
        /// Whether the workers of that pool are going to be replaced anyway.
        std::function<bool(const worker_pool&)> is_rolled;
        /// Makes that configuration the current one. The workers of pools_live have applied it.
        std::function<void(reconfiguration&)> adopt;
        /// Called after each read(), when the reload has ended.
        std::function<void()> end;
    };

    reloading(std::list<worker_pool>& pools, actions of_master);

    /// Begins a reload. Returns its number, or 0 when it is done. An error is that of read().
    [[nodiscard]] result<std::uint64_t> request();

    /// Takes the steps that are due. Call it whenever the state of a worker has changed. `limit`:
    /// the time for a worker to answer. While a roll is active, no reload is applied.
    void advance(bool is_rolling, milliseconds limit, time_point now);
    [[nodiscard]] time_point due(milliseconds limit) const;

    /// Ends all reloads without effect, because the instance stops.
    void abandon();

    [[nodiscard]] bool is_active() const { return active_.has_value(); }
    /// A worker has not answered CONFIGURE. Another master would not understand its answer.
    [[nodiscard]] bool has_unanswered() const;

    /// {"id","state","reason","previous":{"id","state","reason"}}; the states: idle, waiting (for a
    /// roll), applying, done, refused.
    void write(json::writer& out) const;

private:
    struct running {
        std::uint64_t id = 0;
        reconfiguration made;
        std::uint64_t number = 0; // of its CONFIGURE; 0: it waits for a roll
        time_point until{};
    };

    [[nodiscard]] result<void> begin(std::uint64_t id);
    [[nodiscard]] bool step(bool is_rolling, milliseconds limit, time_point now);
    void begin_applying(milliseconds limit, time_point now);
    void send_to_new_workers(time_point now);
    [[nodiscard]] std::string refusal() const;
    [[nodiscard]] bool all_applied(const worker_pool& of) const;
    void give_up_silent_pools(time_point now);
    void restore(worker_pool& pool, std::uint64_t number, time_point now);
    void refuse(const std::string& why, time_point now);
    void finish();
    void end(operation_result how);
    void replace_outdated(milliseconds limit, time_point now);
    [[nodiscard]] bool is_part_of_active(const worker_process& worker) const;
    [[nodiscard]] bool
    is_overdue(const worker_process& worker, milliseconds limit, time_point now) const;

    std::list<worker_pool>& pools_;
    actions do_;
    std::optional<running> active_;
    std::uint64_t waiting_ = 0; // the number of the reload that begins next; 0: none
    std::uint64_t last_id_ = 0;
    std::uint64_t last_number_ = 0; // of CONFIGURE
    operation_result last_;
    operation_result before_last_;
};

} // namespace msd::process
