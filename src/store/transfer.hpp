// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

// Moving what a service has from one store to another, and proving that both have the same. Rows
// travel as canonical JSON, one text per row and the same text from every kind of store, ids
// included. What tells repeated writes apart (Idempotency-Key) stays where it is: it is worth a
// day.
namespace msd::store {

enum class transfer_use : std::uint8_t { reading, writing };

struct transfer_row {
    std::int64_t id = 0; // above 0
    std::string json;
};

// The rows of one service in one place: a database, or a file of an export. Belongs to one command
// on a terminal: its functions block, and the services on a store may go on meanwhile. Errors:
// unavailable (the place cannot be reached or used), malformed (what is there is no export, or an
// incomplete one), conflict, too_large.
class transfer_table {
public:
    static constexpr std::size_t rows_max = 500; // of one read()

    virtual ~transfer_table() = default;

    /// How many rows there are now, for a sense of progress.
    [[nodiscard]] virtual result<std::int64_t> count() = 0;

    /// The next rows with an id above `after`, in the order of ids, at most rows_max; none: the
    /// end.
    [[nodiscard]] virtual result<std::vector<transfer_row>> read(std::int64_t after) = 0;

    /// Ids below this one have been given out, also those of rows that are gone.
    [[nodiscard]] virtual result<std::int64_t> next_id() = 0;

    /// What an interrupted transfer wrote here needs no second look up to this id.
    [[nodiscard]] virtual result<std::int64_t> resume_after() = 0;

    /// Adds the rows that are not there, all or none; returns how many. A row that is there with
    /// the same content stays; errc::conflict with its id when the content differs.
    [[nodiscard]] virtual result<std::size_t> write(std::span<const transfer_row> rows) = 0;

    /// Everything was written: ids from `next_id` on are given out next, not before.
    [[nodiscard]] virtual result<void> finish(std::int64_t next_id) = 0;
};

struct transfer_progress {
    std::int64_t done = 0;  // rows looked at …
    std::int64_t added = 0; // … and of these written
    std::int64_t total = 0; // rows there were at the beginning
};

/// Hears of every step; false: no further. What was written by then stays.
using transfer_listener = std::function<bool(const transfer_progress&)>;

/// Brings every row of `from` to `to`. errc::cancelled: `listen` said so.
[[nodiscard]] result<transfer_progress>
copy_rows(transfer_table& from, transfer_table& to, const transfer_listener& listen);

struct comparison {
    static constexpr std::size_t examples_max = 10;

    std::int64_t equal = 0;
    std::int64_t different = 0;   // the same id, another content
    std::int64_t only_first = 0;  // rows the other one does not have
    std::int64_t only_second = 0; // likewise
    std::int64_t first_next_id = 0;
    std::int64_t second_next_id = 0;
    std::vector<std::int64_t> examples; // ids of rows that are not equal, the lowest ones

    /// Next ids may differ all the same: some databases skip ids.
    [[nodiscard]] bool all_equal() const { return different + only_first + only_second == 0; }
};

/// Looks at every row of both. `listen` hears of the rows of the first.
[[nodiscard]] result<comparison>
compare_rows(transfer_table& first, transfer_table& second, const transfer_listener& listen);

} // namespace msd::store
