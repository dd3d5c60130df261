// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/master.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace msd::process {

/// Looks until `condition` holds; false after `limit`.
[[nodiscard]] bool
eventually(const std::function<bool()>& condition, milliseconds limit = std::chrono::seconds{20});

/// The process is gone, or only its exit status is left of it.
[[nodiscard]] bool is_gone(pid_t pid);

struct pool_shape {
    std::string name;
    int workers = 1;
    int stop_rank = 0;
    bool hands_over = false;
};

/// Figures of a master that is to give up soon.
[[nodiscard]] supervision_settings impatient();

/// What a master under test does when this very program takes it over, or is asked whether it
/// could; the exit code. Nothing when this process was not started for that.
[[nodiscard]] std::optional<int> resume_master_under_test();

// A master in a process of its own, with files of its own, that ends with the test.
class running_master {
public:
    running_master(
        const std::string& behaviour,
        const std::vector<pool_shape>& pools,
        const supervision_settings& supervision = impatient()
    );
    ~running_master();
    running_master(const running_master&) = delete;
    running_master& operator=(const running_master&) = delete;

    /// Where the next version of the program is looked for: a link to this one.
    [[nodiscard]] std::filesystem::path program() const { return directory_ / "program"; }
    /// What a program that is asked whether it can take over does: "exit:N" (with a reason),
    /// "abort", "hang", "silent", or "vanish" (says yes, then can be executed no more). Empty: the
    /// truth again.
    void next_answer(const std::string& behaviour) const;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const;
    /// How workers of later generations behave, as if there were a new program.
    void next_workers(const std::string& behaviour) const;
    /// "bad": the configuration is wrong; "changed": `text` names the pools whose workers read what
    /// has changed.
    void touch(const std::string& name, const std::string& text = "x") const;
    /// Takes that back.
    void forget(const std::string& name) const;
    /// Waits for its end; the exit code, or minus the signal that killed it.
    [[nodiscard]] int wait();

    /// What workers and master noted, in order: "goods/0 ready", "master announces goods".
    [[nodiscard]] std::vector<std::string> notes() const;
    [[nodiscard]] std::ptrdiff_t count(const std::string& note) const;
    /// Waits until that was noted so many times.
    [[nodiscard]] bool noted(const std::string& note, std::ptrdiff_t times = 1) const;
    /// Waits until every pool is ready.
    [[nodiscard]] bool ready() const { return noted("master announces all"); }

    /// What the master logged.
    [[nodiscard]] std::string log() const;
    /// The answer on the control socket.
    [[nodiscard]] std::string ask(const std::string& command) const;
    /// Waits until the status contains `part`.
    [[nodiscard]] bool says(const std::string& part) const;
    /// The processes of all workers, as the status has them.
    [[nodiscard]] std::vector<pid_t> worker_pids() const;
    /// What a worker of that pool answers; empty when none does.
    [[nodiscard]] std::string connect(const std::string& pool) const;
    [[nodiscard]] std::vector<pid_t> children() const;
    [[nodiscard]] std::ptrdiff_t open_descriptors() const;
    /// Those of the master that would cross an exec, beyond the standard ones.
    [[nodiscard]] std::vector<std::string> inheritable_descriptors() const;
    /// To the control socket.
    [[nodiscard]] unique_fd connect_to_control() const;
    [[nodiscard]] std::filesystem::path socket() const { return directory_ / "control.sock"; }

private:
    [[noreturn]] void become_master(
        const std::string& behaviour,
        std::vector<pool_settings> pools,
        const supervision_settings& supervision
    );

    std::filesystem::path directory_;
    std::map<std::string, std::uint16_t> ports_;
    pid_t pid_ = -1;
};

} // namespace msd::process
