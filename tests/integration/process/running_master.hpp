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

/// Waits until `condition` holds; false after `limit`.
[[nodiscard]] bool
eventually(const std::function<bool()>& condition, milliseconds limit = std::chrono::seconds{20});

/// The process has ended; its exit status may not have been collected yet.
[[nodiscard]] bool is_gone(pid_t pid);

struct pool_shape {
    std::string name;
    int workers = 1;
    int stop_rank = 0;
    bool hands_over = false;
};

/// Settings with which a master gives up soon.
[[nodiscard]] supervision_settings impatient();

/// Takes over a master under test, or answers whether this program can, when this process was
/// started for that, and returns the exit code; otherwise returns nothing.
[[nodiscard]] std::optional<int> resume_master_under_test();

// A master in a separate process with its own files. The destructor ends it.
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

    /// The path of the next version of the program: a link to this program.
    [[nodiscard]] std::filesystem::path program() const { return directory_ / "program"; }
    /// Sets how a program reacts when it is asked whether it can take over: "exit:N" (with a
    /// reason), "abort", "hang", "silent", or "vanish" (answers yes and cannot be executed any
    /// more). Empty: it answers correctly.
    void next_answer(const std::string& behaviour) const;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const;
    /// Sets how workers of later generations behave, as if there were a new program.
    void next_workers(const std::string& behaviour) const;
    /// "bad": the configuration is wrong; "changed": `text` names the pools whose workers read a
    /// changed key; "live": those whose workers can apply it; "config": the configuration file
    /// ("first").
    void touch(const std::string& name, const std::string& text = "x") const;
    /// Undoes touch().
    void forget(const std::string& name) const;
    /// Waits until the master ends; returns the exit code, or minus the signal that killed it.
    [[nodiscard]] int wait();

    /// The notes of workers and master, in order: "goods/0 ready", "master announces goods".
    [[nodiscard]] std::vector<std::string> notes() const;
    [[nodiscard]] std::ptrdiff_t count(const std::string& note) const;
    /// Waits until there are `times` such notes.
    [[nodiscard]] bool noted(const std::string& note, std::ptrdiff_t times = 1) const;
    /// Waits until every pool is ready.
    [[nodiscard]] bool ready() const { return noted("master announces all"); }

    /// The log of the master.
    [[nodiscard]] std::string log() const;
    /// The answer on the control socket.
    [[nodiscard]] std::string ask(const std::string& command) const;
    /// Waits until the status contains `part`.
    [[nodiscard]] bool says(const std::string& part) const;
    /// The pids of all workers, from the status.
    [[nodiscard]] std::vector<pid_t> worker_pids() const;
    /// The answer of a worker of that pool; empty when there is none.
    [[nodiscard]] std::string connect(const std::string& pool) const;
    [[nodiscard]] std::vector<pid_t> children() const;
    [[nodiscard]] std::ptrdiff_t open_descriptors() const;
    /// Descriptors of the master that stay open over exec, besides the standard ones.
    [[nodiscard]] std::vector<std::string> inheritable_descriptors() const;
    /// A connection to the control socket.
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
