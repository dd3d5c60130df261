// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace msd::store {

// Lists leave a store in pages of rows that are JSON already. The store reads, the service says
// by a plain function how one row is written, and the builder applies the limits; so a row goes
// from the database's memory into the text without an object in between, and on the store's thread.

inline constexpr std::int64_t page_rows_max = 1000;
inline constexpr std::size_t page_bytes_max = std::size_t{900} * 1024;

// Rows with an id above `after`, in the order of ids.
struct page_query {
    std::int64_t after = 0;
    std::int64_t limit = page_rows_max; // 1 … page_rows_max; others are clamped
};

struct page {
    std::string rows; // JSON objects with commas between them
    std::size_t count = 0;
    std::optional<std::int64_t> next; // there are more rows, after this id
};

class page_builder {
public:
    explicit page_builder(const page_query& query)
        : limit_{std::clamp<std::int64_t>(query.limit, 1, page_rows_max)} {}

    /// Rows to ask the database for: the one more than wanted tells whether there are more.
    [[nodiscard]] std::int64_t rows_to_read() const {
        return limit_ + 1 - static_cast<std::int64_t>(page_.count);
    }
    /// A row did not fit any more.
    [[nodiscard]] bool is_full() const { return page_.next.has_value(); }
    /// Of the row added last.
    [[nodiscard]] std::int64_t last_id() const { return last_; }

    /// Adds a row as `write` writes it, one JSON value. False when it does not fit any more; the
    /// first row always does.
    template <class Row>
    bool add(std::int64_t id, const Row& row, void (*write)(json::writer&, const Row&)) {
        if (std::cmp_equal(page_.count, limit_)) {
            page_.next = last_;
            return false;
        }
        const std::size_t before = page_.rows.size();
        if (page_.count > 0) {
            page_.rows += ',';
        }
        json::writer out{page_.rows}; // NOLINT(misc-const-correctness): `write` changes it
        write(out, row);
        if (page_.rows.size() > page_bytes_max && page_.count > 0) {
            page_.rows.resize(before);
            page_.next = last_;
            return false;
        }
        ++page_.count;
        last_ = id;
        return true;
    }

    [[nodiscard]] page take() { return std::move(page_); }

private:
    std::int64_t limit_;
    std::int64_t last_ = 0;
    page page_;
};

} // namespace msd::store
