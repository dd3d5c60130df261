// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/transfer.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The parts of a transfer that are equal for both databases. `Rows` is a struct of
// transfer_rows.hpp; Connection and Query are the database's.
namespace msd::store {

/// `select` has the columns that Rows::read expects and two parameters: the id that rows are above,
/// and the limit.
template <class Rows, class Query, class Connection>
result<std::vector<transfer_row>>
read_rows(Connection& on, std::string_view select, std::int64_t after) {
    std::vector<transfer_row> rows;
    Query reading{on, select};
    reading.bind(after).bind(static_cast<std::int64_t>(transfer_table::rows_max));
    for (;;) {
        const auto more = reading.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return rows;
        }
        const auto row = Rows::read(reading);
        rows.push_back({row.id, Rows::text_of(row)});
    }
}

/// The canonical text of one row; empty: there is no such row.
template <class Rows, class Query, class Connection>
result<std::string> find_row(Connection& on, std::string_view select_one, std::int64_t id) {
    Query reading{on, select_one};
    const auto found = reading.bind(id).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? Rows::text_of(Rows::read(reading)) : std::string{};
}

/// Inside a transaction: adds the rows that do not exist. `insert(row)` takes a Rows::row and
/// returns result<void>. See transfer_table::write().
template <class Rows, class Query, class Connection, class Insert>
result<std::size_t> add_rows(
    Connection& on,
    std::string_view select_one,
    std::span<const transfer_row> rows,
    Insert insert
) {
    std::size_t added = 0;
    for (const transfer_row& each : rows) {
        const auto there = find_row<Rows, Query>(on, select_one, each.id);
        if (!there) {
            return tl::unexpected{there.error()};
        }
        if (*there == each.json) {
            continue;
        }
        if (!there->empty()) {
            return fail(
                errc::conflict,
                fmt::format("{} {} exists with different content", Rows::service, each.id)
            );
        }
        const auto row = Rows::parse(each.json);
        if (!row) {
            return fail(
                row.error().code,
                fmt::format("{} {}: {}", Rows::service, each.id, row.error().text)
            );
        }
        if (auto done = insert(*row); !done) {
            done.error().text = fmt::format("{} {}: {}", Rows::service, each.id, done.error().text);
            return tl::unexpected{std::move(done.error())};
        }
        ++added;
    }
    return added;
}

/// The first column of the first row of a statement with one parameter.
template <class Query, class Connection, class Value>
result<std::int64_t> read_number(Connection& on, std::string_view select, Value value) {
    Query reading{on, select};
    const auto found = reading.bind(value).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? reading.integer(0) : 0;
}

} // namespace msd::store
