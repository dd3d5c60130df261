// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "process/executable.hpp"
#include "process/master_state.hpp"
#include "process/upgrade_check.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::process {

// The upgrades of a master, one at a time. A requested upgrade waits until no roll or reload is
// active. Then
// the program on the disk is asked whether it can take over, and is executed. The upgrade is
// refused when the program cannot take over or the instance stops; then nothing has changed.
class upgrading {
public:
    /// Asks the program on the disk, or says why that is impossible.
    using questioner = std::function<result<upgrade_check>()>;
    /// Executes the program in this process. Returns only when that fails, with the reason.
    using executor = std::function<error(const executable&)>;

    /// `program` is its name in messages.
    upgrading(std::string program, questioner ask, executor become);

    /// Called by the program that was executed for upgrade `id`, which has thus succeeded. 0: there
    /// was no upgrade.
    void resume(std::uint64_t id) { last_ = {id, true, {}, 0}; }

    /// Returns the number of the upgrade that will do it, which may be the active one.
    std::uint64_t request();

    /// Takes the steps that are due. Does not return when the new program takes over.
    /// `has_to_wait`: a roll or a reload is active.
    void advance(bool has_to_wait, time_point now);
    [[nodiscard]] time_point due() const;

    /// Becomes readable when read_output() has something to do; -1: nothing to watch.
    [[nodiscard]] int descriptor() const { return check_ ? check_->descriptor() : -1; }
    void read_output();
    /// Handles the end of a process. False when it was not started here.
    [[nodiscard]] bool reaped(pid_t pid, int wait_status);

    /// The state has changed since the program was asked: asks it again.
    void ask_again() { check_.reset(); }
    /// Refuses the active upgrade for that reason.
    void abandon(std::string_view why);

    [[nodiscard]] bool is_active() const { return active_ != 0; }
    /// The number of the active or else the last upgrade; 0: none.
    [[nodiscard]] std::uint64_t id() const { return is_active() ? active_ : last_.id; }
    /// {"id","state","reason"}; the states: idle, waiting (for a roll or reload), checking, done,
    /// refused.
    void write(json::writer& out) const;

private:
    void begin_check();
    void refuse(const error& why);
    [[nodiscard]] std::string_view state() const;

    std::string program_;
    questioner ask_;
    executor become_;
    std::uint64_t active_ = 0;
    std::optional<upgrade_check> check_;
    operation_result last_;
};

} // namespace msd::process
