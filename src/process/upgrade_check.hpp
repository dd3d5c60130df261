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

// One question to a program, put in a process of its own: can it take this state over? A program
// that is no msd, cannot be executed, crashes, or says nothing in time has said no as well. Never
// waits: the owner watches descriptor(), reaps, and asks for the answer.
class upgrade_check {
public:
    static constexpr std::size_t printed_bytes_max = 4096; // what is more is read and dropped

    /// `state` (see write_down()) and `config` (-1: none) stay the caller's. errc::unavailable: no
    /// process or descriptor to be had.
    [[nodiscard]] static result<upgrade_check>
    ask(executable program, int state, int config, milliseconds patience);

    upgrade_check(upgrade_check&& from) noexcept;
    upgrade_check& operator=(upgrade_check&&) = delete;
    upgrade_check(const upgrade_check&) = delete;
    upgrade_check& operator=(const upgrade_check&) = delete;
    /// Kills it when it has not ended; the owner reaps it like any other child.
    ~upgrade_check();

    /// Readable when hear() has something to do; -1 when it never will.
    [[nodiscard]] int descriptor() const { return output_.get(); }
    void hear();
    /// A process ended; false when it is not the one that was asked.
    [[nodiscard]] bool reaped(pid_t pid, int wait_status);
    /// Ends the patience when it is over.
    void expire(time_point now);
    /// time_point::max() when there is an answer.
    [[nodiscard]] time_point next_due() const;

    /// Nothing: not yet. The version of the program, or why it cannot.
    [[nodiscard]] const std::optional<result<std::string>>& answer() const { return answer_; }
    [[nodiscard]] const executable& program() const { return program_; }

private:
    upgrade_check(executable program, pid_t pid, unique_fd output, milliseconds patience);
    void end();
    [[nodiscard]] std::string refusal(int wait_status) const;

    executable program_;
    pid_t pid_ = -1; // -1: it has ended
    unique_fd output_;
    milliseconds patience_;
    time_point until_;
    std::string printed_;
    std::optional<result<std::string>> answer_;
};

} // namespace msd::process
