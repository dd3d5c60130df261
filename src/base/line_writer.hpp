// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <string_view>

namespace msd {

// Writes lines to a file, pipe, terminal or socket, each with one system call, and never waits for
// the reader. The caller decides what to do about a line that was not written.
class line_writer {
public:
    /// Does not own `fd` and does not change its flags. See make_standard_descriptor_nonblocking().
    explicit line_writer(int fd);
    /// Owns `file`, which is opened with O_NONBLOCK unless it is certainly a regular file.
    explicit line_writer(unique_fd file);

    /// `line` ends with '\n'. 0: it was written. Otherwise the reason as in errno (EAGAIN: there is
    /// no room), and at most a part of it was written; the next line then begins on a new one.
    [[nodiscard]] int write(std::string_view line);

    [[nodiscard]] int descriptor() const { return fd_; }

private:
    enum class kind : unsigned char {
        never_blocks,  // a file, or O_NONBLOCK is set
        socket,        // each message can be sent without waiting
        blocking_pipe, // O_NONBLOCK would affect other processes, for the terminal as well
        blocking_terminal,
    };

    [[nodiscard]] static kind kind_of(int fd);
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] int write_all(std::string_view text);

    unique_fd owned_;
    int fd_;
    kind kind_;
    bool is_torn_ = false; // the last line was written in part
};

} // namespace msd
