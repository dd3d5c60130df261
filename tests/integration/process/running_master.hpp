// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/master.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
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
};

/// Figures of a master that is to give up soon.
[[nodiscard]] supervision_settings impatient();

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

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const;
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
    /// The processes of all workers, as the status has them.
    [[nodiscard]] std::vector<pid_t> worker_pids() const;
    /// What a worker of that pool answers; empty when none does.
    [[nodiscard]] std::string connect(const std::string& pool) const;
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
