// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/executable.hpp"

#include <sys/types.h>

#include <optional>
#include <string>

namespace msd::process {

// Asks a program, in a process of its own, whether it can take a master's state over. A program
// that is not msd, cannot be executed, crashes or does not answer in time is refused as well. No
// call blocks: the owner watches descriptor(), reaps the process and polls answer().
class upgrade_check {
public:
    static constexpr std::size_t printed_bytes_max = 4096; // more output is read and dropped

    /// The caller keeps `state` (see write_down()) and `config` (-1: none). errc::unavailable: no
    /// process or descriptor is free.
    [[nodiscard]] static result<upgrade_check>
    ask(executable program, int state, int config, milliseconds timeout);

    upgrade_check(upgrade_check&& from) noexcept;
    upgrade_check& operator=(upgrade_check&&) = delete;
    upgrade_check(const upgrade_check&) = delete;
    upgrade_check& operator=(const upgrade_check&) = delete;
    /// Kills the process when it still runs; the owner reaps it like any other child.
    ~upgrade_check();

    /// Becomes readable when read_output() has something to do; -1: nothing more will come.
    [[nodiscard]] int descriptor() const { return output_.get(); }
    void read_output();
    /// Handles the end of a process. False when it is not the one that was asked.
    [[nodiscard]] bool reaped(pid_t pid, int wait_status);
    /// Refuses a program that has not answered in time.
    void expire(time_point now);
    /// time_point::max() when there is an answer.
    [[nodiscard]] time_point next_due() const;

    /// The version of the program, or why it is refused; nothing while that is unknown.
    [[nodiscard]] const std::optional<result<std::string>>& answer() const { return answer_; }
    [[nodiscard]] const executable& program() const { return program_; }

private:
    upgrade_check(executable program, pid_t pid, unique_fd output, milliseconds timeout);
    void end();
    [[nodiscard]] std::string refusal(int wait_status) const;

    executable program_;
    pid_t pid_ = -1; // -1: it has ended
    unique_fd output_;
    milliseconds timeout_;
    time_point until_;
    std::string printed_;
    std::optional<result<std::string>> answer_;
};

} // namespace msd::process
