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

// A store returns lists as pages of rows that are already JSON. The store reads, the service passes
// a function that writes one row, and the builder applies the limits. So a row is written from the
// database's memory into the text on the store's thread, without an object in between.

inline constexpr std::int64_t page_rows_max = 1000;
inline constexpr std::size_t page_bytes_max = std::size_t{900} * 1024;

// Rows with an id above `after`, in the order of ids.
struct page_query {
    std::int64_t after = 0;
    std::int64_t limit = page_rows_max; // 1 … page_rows_max; other values are clamped
};

struct page {
    std::string rows; // JSON objects with commas between them
    std::size_t count = 0;
    std::optional<std::int64_t> next; // set when there are more rows: they have ids above this
};

class page_builder {
public:
    explicit page_builder(const page_query& query)
        : limit_{std::clamp<std::int64_t>(query.limit, 1, page_rows_max)} {}

    /// Number of rows to read: one more than wanted, which shows whether there are more.
    [[nodiscard]] std::int64_t rows_to_read() const {
        return limit_ + 1 - static_cast<std::int64_t>(page_.count);
    }
    /// True once a row did not fit.
    [[nodiscard]] bool is_full() const { return page_.next.has_value(); }
    /// Id of the row added last.
    [[nodiscard]] std::int64_t last_id() const { return last_; }

    /// Adds a row, which `write` writes as one JSON value. False when the row does not fit; the
    /// first row always fits.
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
