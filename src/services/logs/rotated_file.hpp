// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace msd::services {

// A file that lines are appended to and that makes room for itself: at its size limit it is
// renamed to NAME.1, what was NAME.1 to NAME.2 and so on, and the oldest one goes. Blocks; belongs
// to one thread at a time. Another process may append to the same file, as the worker that replaces
// this one does for a while, and may rotate it: then this one follows to the new file.
class rotated_file {
public:
    struct limits {
        std::size_t bytes_max = std::size_t{64} << 20; // a file; exceeded by one append at most
        int files_max = 8;                             // the present one included
    };

    explicit rotated_file(std::filesystem::path path) : rotated_file{std::move(path), limits{}} {}
    rotated_file(std::filesystem::path path, limits bounds);

    /// Appends whole lines. errc::unavailable: disk full, no permission, …; some of the lines may
    /// have been written, and a line that was cut never runs into the next one.
    [[nodiscard]] result<void> append(std::string_view lines);

    /// The next append opens the file anew by its path.
    void reopen() { file_.reset(); }

private:
    [[nodiscard]] result<void> open();
    [[nodiscard]] bool is_at_path() const;
    void rotate();
    [[nodiscard]] std::filesystem::path numbered(int number) const;

    std::filesystem::path path_;
    limits bounds_;
    unique_fd file_;
    bool cut_ = false; // the last line lacks its end
};

} // namespace msd::services
