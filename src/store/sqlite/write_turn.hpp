// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <utility>

namespace msd::store::sqlite {

// Whose turn it is to write, among the processes that share a database. SQLite alone lets
// waiting writers poll, and a polling process can starve for seconds. Here they sleep on locks of
// one file, in two steps: a waiting room and the turn itself. Who has just written must go through
// the waiting room again, where the next one already stands, so nobody is overtaken for long. The
// kernel lets go of the locks of a process that dies.
class write_turn {
public:
    /// Creates `file` with mode 0600. errc::unavailable.
    [[nodiscard]] static result<write_turn> open(const std::filesystem::path& file);

    // Holds the turn until destroyed.
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

    /// Waits as long as it takes: for one transaction of each other process, or until the master
    /// has killed one that hangs. Not to be called while this object's turn is held.
    [[nodiscard]] result<holder> wait();

private:
    explicit write_turn(unique_fd file) : file_{std::move(file)} {}

    unique_fd file_;
};

} // namespace msd::store::sqlite
