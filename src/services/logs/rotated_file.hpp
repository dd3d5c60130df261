// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace msd::services {

// A file that lines are appended to, with rotation: at its size limit it is renamed to NAME.1,
// NAME.1 to NAME.2 and so on, and the oldest file is deleted. Calls block; one thread uses it at a
// time. Another process may append to the same file (the worker that replaces this one does so for
// a while) and may rotate it; then this object continues with the new file.
class rotated_file {
public:
    struct limits {
        std::size_t bytes_max = std::size_t{64} << 20; // of one file; one append may exceed it
        int files_max = 8;                             // including the current one
        // Files of an earlier version of msd, PATH and PATH.1, PATH.2, …: each rotation deletes the
        // oldest of them, so that the space on the disk does not grow. Empty: none.
        std::filesystem::path older = {};
    };

    explicit rotated_file(std::filesystem::path path) : rotated_file{std::move(path), limits{}} {}
    rotated_file(std::filesystem::path path, limits bounds);

    /// Appends whole lines, in pieces of at most piece_bytes unless a single line is longer; with
    /// no lines, creates the file if it does not exist. errc::unavailable: disk full, no
    /// permission, …; then some of the lines may have been written. A line that was written in part
    /// is ended before the next append.
    [[nodiscard]] result<void> append(std::string_view lines);

    /// The next append opens the file by its path again.
    void reopen() { file_.reset(); }

private:
    static constexpr std::size_t piece_bytes = std::size_t{256} << 10;

    [[nodiscard]] result<void> open();
    [[nodiscard]] result<void> append_piece(std::string_view lines);
    void delete_oldest_of_earlier_version();
    [[nodiscard]] bool is_at_path() const;
    void rotate();
    [[nodiscard]] static std::filesystem::path
    numbered(const std::filesystem::path& path, int number);

    std::filesystem::path path_;
    limits bounds_;
    unique_fd file_;
    bool cut_ = false; // the last line was written in part
};

} // namespace msd::services
