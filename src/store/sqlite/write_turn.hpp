// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <utility>

namespace msd::store::sqlite {

// Serializes the writers of all processes that share a database. With SQLite alone waiting writers
// poll, and a polling process can starve for seconds. Here they sleep on two locks of one file: the
// queue lock and the turn. A process that has just written must take the queue lock again, which
// the next process already holds, so no process is overtaken for long. The kernel releases the
// locks of a process that dies.
class write_turn {
public:
    /// Creates `file` with mode 0600. errc::unavailable.
    [[nodiscard]] static result<write_turn> open(const std::filesystem::path& file);

    // Holds the turn until it is destroyed.
    class holder {
    public:
        explicit holder(int fd) : fd_{fd} {}
        holder(holder&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
        holder& operator=(holder&&) = delete;
        holder(const holder&) = delete;
        holder& operator=(const holder&) = delete;
        ~holder();

    private:
        int fd_;
    };

    /// Waits without a limit: for at most one transaction of each other process, or until the
    /// master has killed a process that hangs. Must not be called while the turn of this object is
    /// held.
    [[nodiscard]] result<holder> wait();

private:
    explicit write_turn(unique_fd file) : file_{std::move(file)} {}

    unique_fd file_;
};

} // namespace msd::store::sqlite
