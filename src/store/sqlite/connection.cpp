// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/connection.hpp"

#include "store/data_directory.hpp"
#include "store/sqlite/file_access.hpp"

#include <fmt/format.h>

#include <cassert>
#include <sqlite3.h>
#include <string>
#include <system_error>
#include <utility>

namespace msd::store::sqlite {

namespace {

// Needed only for locks that write_turn does not know: recovery after a crash, a sqlite3 shell.
constexpr int busy_wait_ms = 1000;

constexpr auto reading_pragmas = "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF;";

// FULL: a commit is on the disk before it returns. A WAL that has grown larger is truncated to
// 64 MiB.
constexpr auto writing_pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                 "PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF;";

errc kind_of(int code) {
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
        return errc::conflict;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
        return errc::internal;
    default:
        return errc::unavailable;
    }
}

std::filesystem::path beside(const std::filesystem::path& file, std::string_view suffix) {
    auto name = file;
    name += suffix;
    return name;
}

// Texts that say what to do. The files are checked again when SQLite opens them.
result<void> check_files(const std::filesystem::path& file) {
    for (const std::string_view suffix : {"", "-journal", "-wal", "-shm"}) {
        if (auto checked = check_private_file(beside(file, suffix)); !checked) {
            return checked;
        }
    }
    return {};
}

// SQLite reads a database without the log beside it only as an immutable file. With both files of
// the log it reads them as well: a process uses the database, or has crashed.
std::string uri_to_examine(const std::filesystem::path& file) {
    std::error_code unknown;
    const std::string path = std::filesystem::absolute(file, unknown).lexically_normal();
    std::string uri = "file://";
    for (const char each : path) {
        if (each == '%' || each == '?' || each == '#') {
            uri += fmt::format("%{:02X}", static_cast<unsigned char>(each));
        } else {
            uri += each;
        }
    }
    const bool has_log = std::filesystem::exists(beside(file, "-wal"), unknown) &&
                         std::filesystem::exists(beside(file, "-shm"), unknown);
    return uri + (has_log ? "?readonly_shm=1" : "?immutable=1");
}

int open_handle(const std::filesystem::path& file, connection::purpose wanted, sqlite3** to) {
    const bool only_reads = wanted == connection::purpose::examining;
    const std::string name = only_reads ? uri_to_examine(file) : file.string();
    const int how = only_reads ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE;
    return sqlite3_open_v2(
        name.c_str(),
        to,
        how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        only_reads ? reading_file_layer() : file_layer()
    );
}

bool is_from_below(int code) {
    const int primary = code & 0xFF;
    return primary != SQLITE_CONSTRAINT && primary != SQLITE_BUSY && primary != SQLITE_RANGE;
}

} // namespace

void connection::close::operator()(sqlite3* opened) const {
    sqlite3_close_v2(opened);
}

void connection::finalize::operator()(sqlite3_stmt* prepared) const {
    sqlite3_finalize(prepared);
}

result<connection> connection::open(const std::filesystem::path& file, purpose wanted) {
    guard_files();
    if (const auto checked = check_files(file); !checked) {
        return tl::unexpected{checked.error()};
    }
    sqlite3* raw = nullptr;
    const int code = open_handle(file, wanted, &raw);
    if (raw == nullptr) {
        return fail(errc::unavailable, "SQLite is out of memory");
    }
    connection opened{raw};
    if (code != SQLITE_OK) {
        return tl::unexpected{opened.failure(code)};
    }
    sqlite3_busy_timeout(raw, busy_wait_ms);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    const auto set = opened.execute(wanted == purpose::writing ? writing_pragmas : reading_pragmas);
    if (!set) {
        return tl::unexpected{set.error()};
    }
    return opened;
}

result<void> connection::execute(const std::string& statements) {
    const int code = sqlite3_exec(handle_.get(), statements.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        return tl::unexpected{failure(code)};
    }
    return {};
}

std::int64_t connection::last_inserted_id() const {
    return sqlite3_last_insert_rowid(handle_.get());
}

std::int64_t connection::changes() const {
    return sqlite3_changes64(handle_.get());
}

bool connection::in_transaction() const {
    return sqlite3_get_autocommit(handle_.get()) == 0;
}

result<sqlite3_stmt*> connection::prepare(std::string_view sql) {
    if (const auto kept = statements_.find(sql); kept != statements_.end()) {
        return kept->second.get();
    }
    assert(statements_.size() < statements_max);
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_prepare_v3(
        handle_.get(),
        sql.data(),
        static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT,
        &prepared,
        nullptr
    );
    if (code != SQLITE_OK) {
        return tl::unexpected{failure(code)};
    }
    statements_.emplace(sql, prepared);
    return prepared;
}

error connection::failure(int code) {
    error failed{kind_of(code), sqlite3_errmsg(handle_.get())};
    if (!is_from_below(code)) {
        return failed;
    }
    failed.text += fmt::format(" (SQLite {}", code);
    const int system = sqlite3_system_errno(handle_.get());
    failed.text += system != 0 ? fmt::format(", errno {})", system) : ")";
    if (!broken_) {
        broken_ = failed;
    }
    return failed;
}

query::query(connection& on, std::string_view sql) : on_{on} {
    const auto prepared = on.prepare(sql);
    if (prepared) {
        prepared_ = *prepared;
    } else {
        failed_ = prepared.error();
    }
}

query::~query() {
    if (prepared_ != nullptr) {
        sqlite3_reset(prepared_);
        sqlite3_clear_bindings(prepared_);
    }
}

void query::check(int code) {
    if (code != SQLITE_OK && !failed_) {
        failed_ = on_.failure(code);
    }
}

query& query::bind(std::int64_t number) {
    if (prepared_ != nullptr) {
        check(sqlite3_bind_int64(prepared_, ++bound_, number));
    }
    return *this;
}

query& query::bind(std::string_view text) {
    if (prepared_ != nullptr) {
        // SQLite binds a null pointer as NULL.
        const char* const begin = text.empty() ? "" : text.data();
        check(
            sqlite3_bind_text64(prepared_, ++bound_, begin, text.size(), SQLITE_STATIC, SQLITE_UTF8)
        );
    }
    return *this;
}

query& query::bind(std::optional<std::int64_t> number) {
    if (number) {
        return bind(*number);
    }
    if (prepared_ != nullptr) {
        check(sqlite3_bind_null(prepared_, ++bound_));
    }
    return *this;
}

query& query::bind_real(double number) {
    if (prepared_ != nullptr) {
        check(sqlite3_bind_double(prepared_, ++bound_, number));
    }
    return *this;
}

result<bool> query::next() {
    if (failed_) {
        return tl::unexpected{*failed_};
    }
    const int code = sqlite3_step(prepared_);
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return code == SQLITE_ROW;
    }
    check(code);
    return tl::unexpected{failed_.value_or(error{})};
}

result<void> query::run() {
    for (;;) {
        const auto more = next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return {};
        }
    }
}

std::int64_t query::integer(std::size_t column) const {
    return sqlite3_column_int64(prepared_, static_cast<int>(column));
}

double query::real(std::size_t column) const {
    return sqlite3_column_double(prepared_, static_cast<int>(column));
}

std::string_view query::text(std::size_t column) const {
    const auto* const bytes = sqlite3_column_text(prepared_, static_cast<int>(column));
    const auto size =
        static_cast<std::size_t>(sqlite3_column_bytes(prepared_, static_cast<int>(column)));
    return bytes == nullptr ? std::string_view{}
                            : std::string_view{reinterpret_cast<const char*>(bytes), size};
}

bool query::is_null(std::size_t column) const {
    return sqlite3_column_type(prepared_, static_cast<int>(column)) == SQLITE_NULL;
}

} // namespace msd::store::sqlite
