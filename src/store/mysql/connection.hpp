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

// What a server said of itself when a connection was opened.
struct server_facts {
    std::string version;
    std::int64_t connections_max = 0; // of all its clients
    std::string tls_cipher;           // empty: not encrypted
    std::string text_collation;       // the best it has to tell texts apart byte by byte
    bool is_mariadb = false;
};

// One connection to a server and its prepared statements. Belongs to one thread at a time. The only
// user of Connector/C++: its exceptions become failures here, and what it does silently wrong ends
// here:
//   - it ignores options that it does not know: what counts is read back from the server
//   - it would connect without TLS although told otherwise: the cipher is looked at
//   - with TLS it hides the server's error in the text of another: it is read from there
//   - its commit() drops the server's error: COMMIT is a statement like any other
//   - its getInt() and getInt64() cut and wrap: every value is checked when its row is read
//   - it can reconnect and lose the session's settings: a lost connection stays lost
// Sessions run in UTC with utf8mb4, strict about values, at READ COMMITTED.
class connection {
public:
    /// Loads the driver, which open() would otherwise: there its absence is a failure of kind
    /// internal, here errc::unavailable that names it.
    [[nodiscard]] static result<void> load_driver();

    [[nodiscard]] static tl::expected<connection, failure> open(const server_address& to);

    connection(connection&& other) noexcept;
    connection& operator=(connection&& other) noexcept;
    ~connection();

    /// Runs one statement without values or rows.
    [[nodiscard]] result<void> execute(const std::string& sql);

    [[nodiscard]] result<void> begin();
    [[nodiscard]] result<void> commit();
    /// Ends the transaction if there is one; a connection that cannot is lost().
    void rollback();

    /// Of the last insert on this connection.
    [[nodiscard]] result<std::int64_t> last_inserted_id();

    /// Asks the server for a sign of life.
    [[nodiscard]] bool answers();

    /// The last failure, kept until it is forgotten; null when there was none.
    [[nodiscard]] const failure* failed() const { return failed_ ? &*failed_ : nullptr; }
    void forget_failure() { failed_.reset(); }
    /// Forgets the last failure if a value did not fit: a statement that looks for a text which the
    /// character set of the column does not have fails so, and no row has that text.
    [[nodiscard]] bool forget_unfit();
    /// Fails as if another transaction had been let first: this one is to be made again.
    [[nodiscard]] error give_way() { return fail_with({failure_kind::again, 0}); }
    /// It is to be closed, not used again.
    [[nodiscard]] bool lost() const { return lost_; }
    /// The connection was lost while it committed: the transaction may have been made.
    [[nodiscard]] bool commit_unknown() const { return commit_unknown_; }

    [[nodiscard]] const server_facts& facts() const { return facts_; }

private:
    friend class query;

    struct driver_parts; // what belongs to the driver
    struct statement;

    static constexpr std::size_t statements_max = 64;

    explicit connection(std::unique_ptr<driver_parts> opened);
    [[nodiscard]] result<void> set_up(const server_address& to);
    [[nodiscard]] result<void> read_facts(const server_address& to);
    [[nodiscard]] result<statement*> prepare(std::string_view sql);
    void drop(std::string_view sql);
    /// Translates the exception that is being handled.
    [[nodiscard]] error caught();
    [[nodiscard]] error fail_with(failure what);

    std::unique_ptr<driver_parts> parts_;
    server_facts facts_;
    std::optional<failure> failed_;
    bool lost_ = false;
    bool in_transaction_ = false;
    bool commit_unknown_ = false;
};

// One use of a prepared statement. Values are always bound, in the order of the question marks.
// Errors stick: a failed step makes next() fail.
class query {
public:
    static constexpr std::size_t columns_max = 14; // what a row has beyond is left out

    /// `sql` must be a string literal: the connection keeps the statement under it.
    query(connection& on, std::string_view sql);
    ~query();
    query(const query&) = delete;
    query& operator=(const query&) = delete;

    query& bind(std::int64_t number);
    query& bind(std::string_view text);
    query& bind(std::optional<std::int64_t> number);

    /// True: a row can be read; false: there is none any more.
    [[nodiscard]] result<bool> next();
    /// For statements without rows: how many rows it met (an update: also when nothing changed).
    [[nodiscard]] result<std::int64_t> run();

    // The columns of the present row, from 0; null reads as 0 and empty. Texts live until the next
    // step. The column must be of that type, else it is a broken invariant.
    [[nodiscard]] std::int64_t integer(std::size_t column) const;
    [[nodiscard]] std::string_view text(std::size_t column) const;
    [[nodiscard]] bool is_null(std::size_t column) const;

private:
    struct cell {
        bool null = true;
        std::int64_t number = 0;
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
    std::size_t bytes_ = 0; // of texts read
    std::array<cell, columns_max> row_;
    std::optional<error> failed_;
};

} // namespace msd::store::mysql
