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

// The upgrades of a master: one at a time. One that is asked for waits until no roll is active,
// then the program on the disk is asked whether it can take over, and takes over. It is refused
// when that says no, or the instance stops first; then nothing has changed.
class upgrading {
public:
    /// Asks the program on the disk; an error is why it cannot be asked.
    using questioner = std::function<result<upgrade_check>()>;
    /// Executes the program in this process; an error is why that failed.
    using executor = std::function<error(const executable&)>;

    /// `program` is what to call it in a refusal.
    upgrading(std::string program, questioner ask, executor become);

    /// As the program before this one left it: it got that far, so upgrade `id` has succeeded. 0:
    /// there was none.
    void resume(std::uint64_t id) { last_ = {id, true, {}, 0}; }

    /// The number of the upgrade that will do it: the one under way, if there is one.
    std::uint64_t request();

    /// Whatever is due; does not return when the new program takes over.
    void advance(bool is_rolling, time_point now);
    [[nodiscard]] time_point due() const;

    /// Readable when hear() has something to do; -1: nothing to watch.
    [[nodiscard]] int descriptor() const { return check_ ? check_->descriptor() : -1; }
    void hear();
    /// A process ended; false when it is none of ours.
    [[nodiscard]] bool reaped(pid_t pid, int wait_status);

    /// The state is another one than the program was asked about: it is asked again.
    void ask_again() { check_.reset(); }
    /// Ends it where it stands.
    void abandon(std::string_view why);

    [[nodiscard]] bool is_active() const { return active_ != 0; }
    /// The number of the one that is active, or was last; 0: none.
    [[nodiscard]] std::uint64_t id() const { return is_active() ? active_ : last_.id; }
    /// {"id","state","reason"}; the states: idle, waiting (for a roll), checking, done, refused.
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
    outcome last_;
};

} // namespace msd::process
