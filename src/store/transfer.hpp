// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

// Copies the rows of a service from one store to another, and compares two stores. A row is
// transferred as canonical JSON with its id: equal rows have equal texts, whichever kind of store
// they come from. Idempotency-Keys are not transferred: they are valid for a day only.
namespace msd::store {

enum class transfer_use : std::uint8_t { reading, writing };

struct transfer_row {
    std::int64_t id = 0; // above 0
    std::string json;
};

// The rows of one service in one place: a database or an export file. Used by commands: its
// functions block. Services may use the store at the same time. Errors: unavailable (the place
// cannot be reached or used), malformed (the file is not an export, or an incomplete one),
// conflict, too_large.
class transfer_table {
public:
    static constexpr std::size_t rows_max = 500; // returned by one read()

    virtual ~transfer_table() = default;

    /// The present number of rows, for showing progress.
    [[nodiscard]] virtual result<std::int64_t> count() = 0;

    /// The next rows with an id above `after`, in the order of ids, at most rows_max. No rows: the
    /// end is reached.
    [[nodiscard]] virtual result<std::vector<transfer_row>> read(std::int64_t after) = 0;

    /// The next id that an insert gets. Ids below it may have been used by rows that were removed.
    [[nodiscard]] virtual result<std::int64_t> next_id() = 0;

    /// Rows up to this id were written by an interrupted transfer and need not be compared.
    [[nodiscard]] virtual result<std::int64_t> resume_after() = 0;

    /// Adds all rows that do not exist, or none; returns the number of added rows. An existing row
    /// with equal content is kept; errc::conflict: the content differs; the text has the id.
    [[nodiscard]] virtual result<std::size_t> write(std::span<const transfer_row> rows) = 0;

    /// Called when a transfer into this place is interrupted: what was written is kept, so that
    /// another transfer can continue. After an error instead, a new export file is removed.
    virtual void keep() {}

    /// Called after the last row: inserts get ids from `next_id` on.
    [[nodiscard]] virtual result<void> finish(std::int64_t next_id) = 0;
};

/// A table without rows, for reading.
[[nodiscard]] std::unique_ptr<transfer_table> no_rows();

struct transfer_progress {
    std::int64_t done = 0;  // rows processed
    std::int64_t added = 0; // rows of these that were written
    std::int64_t total = 0; // rows at the beginning
};

/// Called after every step; returning false stops the transfer. Written rows are kept.
using transfer_listener = std::function<bool(const transfer_progress&)>;

/// Copies every row of `from` to `to`. errc::cancelled: `listen` returned false.
[[nodiscard]] result<transfer_progress>
copy_rows(transfer_table& from, transfer_table& to, const transfer_listener& listen);

struct comparison {
    static constexpr std::size_t examples_max = 10;

    std::int64_t equal = 0;
    std::int64_t different = 0;   // rows with equal ids and different content
    std::int64_t only_first = 0;  // rows that the second table does not have
    std::int64_t only_second = 0; // rows that the first table does not have
    std::int64_t first_next_id = 0;
    std::int64_t second_next_id = 0;
    std::vector<std::int64_t> examples; // the lowest ids of rows that are not equal

    /// The next ids may differ even so: some databases skip ids.
    [[nodiscard]] bool all_equal() const { return different + only_first + only_second == 0; }
};

/// Compares all rows of both tables. `listen` gets the progress in the first one.
[[nodiscard]] result<comparison>
compare_rows(transfer_table& first, transfer_table& second, const transfer_listener& listen);

} // namespace msd::store
