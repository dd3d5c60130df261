// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/mysql/failure.hpp"
#include "store/mysql/server_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::store::mysql {

// The properties that a server reported when the connection was opened.
struct server_facts {
    std::string version;
    std::int64_t connections_max = 0; // of all its clients
    std::string tls_cipher;           // empty: not encrypted
    std::string text_collation;       // its best collation that compares byte by byte
    bool is_mariadb = false;
};

// One connection to a server and its prepared statements. Used by one thread at a time. The only
// user of Connector/C++: converts its exceptions to failures, and works around its silent errors:
//   - it ignores unknown options: important settings are read back from the server
//   - it may connect without TLS although TLS is required: the cipher is checked
//   - with TLS it hides the server's error in the text of another error: the text is parsed
//   - its commit() ignores the server's error: COMMIT is executed as a statement
//   - its getInt() and getInt64() truncate and wrap: every value is checked when its row is read
//   - it can reconnect and lose the session's settings: a lost connection is never used again
// Sessions use UTC, utf8mb4, strict mode and READ COMMITTED.
class connection {
public:
    /// Loads the driver, which open() otherwise does. errc::unavailable: the driver is missing; the
    /// text names it, while open() fails with kind internal.
    [[nodiscard]] static result<void> load_driver();

    [[nodiscard]] static tl::expected<connection, failure> open(const server_address& to);

    connection(connection&& other) noexcept;
    connection& operator=(connection&& other) noexcept;
    ~connection();

    /// Executes one statement that has no parameters and returns no rows.
    [[nodiscard]] result<void> execute(const std::string& sql);

    [[nodiscard]] result<void> begin();
    [[nodiscard]] result<void> commit();
    /// Rolls back the transaction, if there is one; on failure the connection is lost().
    void rollback();

    /// The id of the last insert on this connection.
    [[nodiscard]] result<std::int64_t> last_inserted_id();

    /// Sends a ping; returns whether the server answered.
    [[nodiscard]] bool answers();

    /// The last failure since forget_failure(); null when there was none.
    [[nodiscard]] const failure* failed() const { return failed_ ? &*failed_ : nullptr; }
    void forget_failure() { failed_.reset(); }
    /// Forgets the last failure if a value did not fit: a statement that looks for a text which the
    /// character set of the column does not have fails so, and no row has that text.
    [[nodiscard]] bool forget_unfit();
    /// Fails like a deadlock, so that the transaction is repeated.
    [[nodiscard]] error give_way() { return fail_with({failure_kind::again, 0}); }
    /// The connection must be closed and not be used again.
    [[nodiscard]] bool lost() const { return lost_; }
    /// The connection was lost during COMMIT: the transaction may have been committed.
    [[nodiscard]] bool commit_unknown() const { return commit_unknown_; }

    [[nodiscard]] const server_facts& facts() const { return facts_; }

private:
    friend class query;

    struct driver_parts; // the objects of the driver
    struct statement;

    static constexpr std::size_t statements_max = 64;

    explicit connection(std::unique_ptr<driver_parts> opened);
    [[nodiscard]] result<void> set_up(const server_address& to);
    [[nodiscard]] result<void> read_facts(const server_address& to);
    [[nodiscard]] result<statement*> prepare(std::string_view sql);
    void drop(std::string_view sql);
    /// Converts the exception that is being handled to an error.
    [[nodiscard]] error caught();
    [[nodiscard]] error fail_with(failure what);

    std::unique_ptr<driver_parts> parts_;
    server_facts facts_;
    std::optional<failure> failed_;
    bool lost_ = false;
    bool in_transaction_ = false;
    bool commit_unknown_ = false;
};

// One use of a prepared statement. Values are bound in the order of the question marks. After an
// error all later steps fail with the same error.
class query {
public:
    static constexpr std::size_t columns_max = 14; // further columns of a row are not read

    /// `sql` must be a string literal: the connection keeps the statement under it.
    query(connection& on, std::string_view sql);
    ~query();
    query(const query&) = delete;
    query& operator=(const query&) = delete;

    query& bind(std::int64_t number);
    query& bind(std::string_view text);
    query& bind(std::optional<std::int64_t> number);
    query& bind_real(double number);

    /// True: a row can be read; false: there is none any more.
    [[nodiscard]] result<bool> next();
    /// For statements without rows: the number of rows matched, which for an update includes rows
    /// that it did not change.
    [[nodiscard]] result<std::int64_t> run();

    // The columns of the present row, from 0; null reads as 0 or empty. Texts are valid until the
    // next step. A column of another type is a broken invariant.
    [[nodiscard]] std::int64_t integer(std::size_t column) const;
    [[nodiscard]] double real(std::size_t column) const;
    [[nodiscard]] std::string_view text(std::size_t column) const;
    [[nodiscard]] bool is_null(std::size_t column) const;

private:
    struct cell {
        bool null = true;
        std::int64_t number = 0;
        double real = 0;
        std::string text;
    };

    template <class Set>
    query& bind_with(Set set);
    void read_row();

    connection& on_;
    std::string_view sql_;
    connection::statement* prepared_ = nullptr;
    unsigned bound_ = 0;
    bool executed_ = false;
    std::size_t bytes_ = 0; // size of the texts that were read
    std::array<cell, columns_max> row_;
    std::optional<error> failed_;
};

} // namespace msd::store::mysql
