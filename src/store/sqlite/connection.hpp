// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace msd::store::sqlite {

// One connection to a database file and its prepared statements. Used by one thread at a time.
// Converts SQLite's result codes to errors; class database decides how to react to them.
class connection {
public:
    // examining: opens nothing for writing, not even a lock or a journal (file_access.hpp). Sees
    // what a running instance has committed. Without a running instance, what is only in the log or
    // journal of an interrupted transaction is not seen.
    enum class purpose : std::uint8_t { reading, writing, examining };

    /// Opens `file`, which must exist. A writing connection sets WAL mode and makes every commit
    /// durable before it returns. errc::denied: the file, or one of those that SQLite uses beside
    /// it, belongs to another user, or other users can write to it. errc::unavailable: the file
    /// does not exist, is not a database, …
    [[nodiscard]] static result<connection> open(const std::filesystem::path& file, purpose wanted);

    /// Executes statements that have no parameters and return no rows.
    [[nodiscard]] result<void> execute(const std::string& statements);

    [[nodiscard]] std::int64_t last_inserted_id() const;
    /// Rows changed by the last statement.
    [[nodiscard]] std::int64_t changes() const;
    [[nodiscard]] bool in_transaction() const;
    /// The first error that came from below SQL (disk, file, memory); null when there was none.
    /// After such an error the connection must be reopened.
    [[nodiscard]] const error* broken() const { return broken_ ? &*broken_ : nullptr; }

private:
    friend class query;

    struct close {
        void operator()(sqlite3* opened) const;
    };
    struct finalize {
        void operator()(sqlite3_stmt* prepared) const;
    };

    static constexpr std::size_t statements_max = 64;

    explicit connection(sqlite3* opened) : handle_{opened} {}
    [[nodiscard]] result<sqlite3_stmt*> prepare(std::string_view sql);
    /// Converts the result code of the last call.
    [[nodiscard]] error failure(int code);

    std::unique_ptr<sqlite3, close> handle_;
    // After handle_: statements are finalized before the connection is closed.
    std::unordered_map<std::string_view, std::unique_ptr<sqlite3_stmt, finalize>> statements_;
    std::optional<error> broken_;
};

// One use of a prepared statement. Values are bound in the order of the question marks and must
// outlive the query. After an error all later steps fail with the same error.
class query {
public:
    /// `sql` must be a string literal: the connection keeps the statement under it.
    query(connection& on, std::string_view sql);
    /// Resets the statement for its next use.
    ~query();
    query(const query&) = delete;
    query& operator=(const query&) = delete;

    query& bind(std::int64_t number);
    query& bind(std::string_view text);
    query& bind(std::optional<std::int64_t> number);
    query& bind_real(double number);

    /// True: a row can be read; false: there is none any more.
    [[nodiscard]] result<bool> next();
    /// Executes the statement and ignores rows.
    [[nodiscard]] result<void> run();

    // The columns of the present row. Texts are valid until the next step.
    [[nodiscard]] std::int64_t integer(std::size_t column) const;
    [[nodiscard]] double real(std::size_t column) const;
    [[nodiscard]] std::string_view text(std::size_t column) const;
    [[nodiscard]] bool is_null(std::size_t column) const;

private:
    void check(int code);

    connection& on_;
    sqlite3_stmt* prepared_ = nullptr;
    int bound_ = 0;
    std::optional<error> failed_;
};

} // namespace msd::store::sqlite
