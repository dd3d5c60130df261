// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

// Encodes numbers and texts one after the other as bytes: for state that one process of msd passes
// to another on the same machine, never for the wire or the disk. Its users define the meaning of
// the bytes and the version of the format.
namespace msd {

class binary_writer {
public:
    /// Appends to `out`, which must outlive this.
    explicit binary_writer(std::string& out) : out_{out} {}

    binary_writer& number(std::uint64_t value);
    binary_writer& flag(bool value) { return number(value ? 1 : 0); }
    binary_writer& text(std::string_view bytes);
    /// Valid in every process until the machine is restarted.
    binary_writer& time(time_point at);

private:
    std::string& out_;
};

// Reads what a binary_writer wrote, from untrusted bytes. The first value that is missing or over
// its limit is a failure, and all later values read as zero or empty, so that the caller checks
// once, at the end. No returned number is over its limit.
class binary_reader {
public:
    /// The bytes must outlive this and the texts it returns.
    explicit binary_reader(std::string_view bytes) : rest_{bytes} {}

    std::uint64_t number(std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
    bool flag() { return number(1) == 1; }
    /// A counter. Its limit leaves room for further increments without overflow.
    std::uint64_t counter() { return number(std::numeric_limits<std::uint64_t>::max() / 2); }
    /// The number of elements that follow. Each has at least one byte, so it is at most the number
    /// of bytes left.
    std::size_t count(std::size_t most);
    std::string_view text(std::size_t bytes_max);
    /// time_point::max(), min(), or a time for which arithmetic does not overflow.
    time_point time();
    /// Marks the bytes as invalid: failed() is true from here on.
    void refuse() { failed_ = true; }

    [[nodiscard]] bool failed() const { return failed_; }
    /// All values were read without failure and no bytes are left.
    [[nodiscard]] bool is_complete() const { return !failed_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool failed_ = false;
};

} // namespace msd
