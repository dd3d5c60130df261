// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/transfer.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sodium.h>
#include <string>
#include <string_view>
#include <vector>

// Reads and writes the lines of an export; transfer_file.hpp describes the format.
namespace msd::store {

class line_digest {
public:
    line_digest();
    line_digest(const line_digest& other);
    line_digest& operator=(const line_digest& other);
    ~line_digest() = default;

    void add(std::string_view line);
    /// The digest of what was added so far, in hexadecimal.
    [[nodiscard]] std::string text() const;

private:
    // On the heap, because it must be aligned to a cache line, which not every compiler does on a
    // stack.
    std::unique_ptr<crypto_generichash_state> state_;
};

// The last line.
struct transfer_summary {
    std::int64_t rows = 0;
    std::int64_t next_id = 0;
    std::string digest;
};

[[nodiscard]] std::string header_line(std::string_view service);
[[nodiscard]] std::string last_line(const transfer_summary& of);

// Reads and checks the lines of one file, beginning with the header. Errors: unavailable and
// malformed; the text has the file and the number of the line.
class line_reader {
public:
    /// Reads from the beginning of the open file `from`, whatever its position is, and does not
    /// change the position. `file` is its name in messages.
    line_reader(std::filesystem::path file, int from, std::string_view service);

    enum class kind : std::uint8_t { row, summary, end, cut };

    [[nodiscard]] result<void> read_header();

    /// `cut`: an incomplete last line, which cannot be checked.
    [[nodiscard]] result<kind> next();

    /// Called after the summary: checks that it matches the rows read and is the last line.
    [[nodiscard]] result<void> confirm();

    [[nodiscard]] transfer_row take_row() { return std::move(row_); }
    [[nodiscard]] const transfer_summary& said() const { return said_; }
    [[nodiscard]] std::int64_t last_id() const { return last_id_; }
    [[nodiscard]] std::int64_t rows() const { return rows_; }
    [[nodiscard]] const line_digest& digest() const { return digest_; }
    /// Size of the complete lines that were read.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    [[nodiscard]] std::optional<std::string_view> next_line();
    [[nodiscard]] bool read_more();
    [[nodiscard]] tl::unexpected<error> wrong(std::string_view what) const;

    std::filesystem::path file_;
    std::string service_;
    int from_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0; // of the next line in buffer_
    std::size_t end_ = 0;   // of what was read
    off_t offset_ = 0;      // in the file
    int failed_ = 0;        // errno
    transfer_row row_;
    transfer_summary said_;
    line_digest digest_;
    std::int64_t last_id_ = 0;
    std::int64_t rows_ = 0;
    std::size_t number_ = 0;
    std::uint64_t bytes_ = 0;
    bool cut_ = false;
    bool too_long_ = false;
};

} // namespace msd::store
