// SPDX-License-Identifier: Apache-2.0
#include "base/late_library.hpp"
#include "store/mysql/driver_parts.hpp"

#include <cppconn/datatype.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <exception>
#include <new>
#include <utility>

namespace msd::store::mysql {

namespace {

constinit late_library connector{MSD_SONAME};
MSD_LATE_FUNCTION(connector, get_driver_instance);

constexpr int failed_to_connect = 2002;
constexpr auto system_authorities = "/etc/ssl/certs/ca-certificates.crt";
constexpr std::int64_t lock_wait_s = 1; // then the transaction is repeated
constexpr std::int64_t schema_lock_wait_s_max = 60;

// The result of check_session after set_up().
constexpr std::string_view expected_session =
    "utf8mb4|utf8mb4|utf8mb4|utf8mb4_bin|+00:00|1|STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION";
constexpr auto check_session =
    "SELECT CONCAT_WS('|', @@character_set_client, @@character_set_connection, "
    "@@character_set_results, @@collation_connection, @@time_zone, IF(@@autocommit, 1, 0), "
    "@@sql_mode), "
    "@@version, @@max_connections";

column_type type_of(int driver_type, bool is_signed) {
    switch (driver_type) {
    case sql::DataType::TINYINT:
    case sql::DataType::SMALLINT:
    case sql::DataType::MEDIUMINT:
    case sql::DataType::INTEGER:
    case sql::DataType::BIGINT:
        return is_signed ? column_type::integer : column_type::unsigned_integer;
    case sql::DataType::DOUBLE:
        return column_type::real;
    case sql::DataType::CHAR:
    case sql::DataType::BINARY:
    case sql::DataType::VARCHAR:
    case sql::DataType::VARBINARY:
    case sql::DataType::LONGVARCHAR:
    case sql::DataType::LONGVARBINARY:
        return column_type::text;
    default:
        return column_type::other;
    }
}

int whole_seconds(milliseconds span) {
    return static_cast<int>(std::max<std::int64_t>(1, (span.count() + 999) / 1000));
}

std::string driver_host(const server_address& to) {
    const bool is_v6 = to.host.find(':') != std::string::npos;
    // With the scheme, the driver uses TCP for "localhost" as well.
    return is_v6 ? fmt::format("tcp://[{}]:{}", to.host, to.port)
                 : fmt::format("tcp://{}:{}", to.host, to.port);
}

// The driver reports a value of the wrong type as an error, but ignores an unknown name.
sql::ConnectOptionsMap options_for(const server_address& to) {
    sql::ConnectOptionsMap options;
    options["hostName"] = sql::SQLString{driver_host(to)};
    options["userName"] = sql::SQLString{to.user};
    options["password"] = sql::SQLString{to.password};
    options["schema"] = sql::SQLString{to.database};
    options["OPT_CHARSET_NAME"] = sql::SQLString{"utf8mb4"};
    options["OPT_CONNECT_TIMEOUT"] = whole_seconds(to.connect_timeout);
    options["OPT_READ_TIMEOUT"] = whole_seconds(to.call_timeout);
    options["OPT_WRITE_TIMEOUT"] = whole_seconds(to.call_timeout);
    options["OPT_LOCAL_INFILE"] = 0; // a server must not read files of this machine
    options["CLIENT_FOUND_ROWS"] = true;
    if (to.tls == tls_mode::prefer) {
        options["sslEnforce"] = true; // does not enforce TLS: it is used if the server offers it
    } else if (to.tls == tls_mode::verify) {
        const auto authorities = to.tls_ca.empty() ? system_authorities : to.tls_ca.native();
        options["sslVerify"] = true;
        options["sslCA"] = sql::SQLString{authorities};
    }
    return options;
}

// With TLS, an error that the server sends instead of its greeting ("too many connections") arrives
// as a failed connect, whose text contains the server's error.
int code_of(const sql::SQLException& thrown) {
    constexpr std::string_view mark = "cannot be verified: ";
    const int code = thrown.getErrorCode();
    const std::string_view text = thrown.what();
    const auto at = text.find(mark);
    if (code != failed_to_connect || at == std::string_view::npos) {
        return code;
    }
    const auto number = text.substr(at + mark.size());
    int said = code;
    std::from_chars(number.data(), number.data() + number.size(), said);
    return said;
}

} // namespace

result<void> connection::load_driver() {
    return connector.load();
}

connection::connection(std::unique_ptr<driver_parts> opened) : parts_{std::move(opened)} {}
connection::connection(connection&& other) noexcept = default;
connection& connection::operator=(connection&& other) noexcept = default;
connection::~connection() = default;

tl::expected<connection, failure> connection::open(const server_address& to) {
    connection opened{std::make_unique<driver_parts>()};
    bool usable = false;
    try {
        auto options = options_for(to);
        // Initialized once, because concurrent calls would create the driver twice.
        static sql::Driver* const driver = get_driver_instance();
        opened.parts_->handle.reset(driver->connect(options));
        usable = opened.set_up(to) && opened.read_facts(to);
    } catch (...) {
        static_cast<void>(opened.caught());
    }
    if (usable) {
        return opened;
    }
    failure why = opened.failed_.value_or(failure{});
    if (why.kind == failure_kind::lost || why.kind == failure_kind::again) {
        why.kind = failure_kind::unreachable;
    }
    return tl::unexpected{why};
}

result<void> connection::set_up(const server_address& to) {
    const int call_s = whole_seconds(to.call_timeout);
    auto done = execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    if (done) {
        done = execute(fmt::format(
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin, SESSION time_zone = '+00:00', "
            "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
            "SESSION innodb_lock_wait_timeout = {}, SESSION lock_wait_timeout = {}",
            lock_wait_s,
            std::min<std::int64_t>(call_s, schema_lock_wait_s_max)
        ));
    }
    return done;
}

result<void> connection::read_facts(const server_address& to) {
    const std::unique_ptr<sql::Statement> ask{parts_->handle->createStatement()};
    const std::unique_ptr<sql::ResultSet> row{ask->executeQuery(check_session)};
    if (!row->next() || row->getString(1) != sql::SQLString{std::string{expected_session}}) {
        return tl::unexpected{fail_with({failure_kind::internal, 0})};
    }
    facts_.version = row->getString(2);
    facts_.connections_max = row->getInt64(3);
    facts_.is_mariadb = facts_.version.find("MariaDB") != std::string::npos;
    const auto* const collation = facts_.is_mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
    const std::unique_ptr<sql::ResultSet> known{
        ask->executeQuery(fmt::format("SHOW COLLATION LIKE '{}'", collation))};
    facts_.text_collation = known->next() ? collation : "utf8mb4_bin";
    const std::unique_ptr<sql::ResultSet> cluster{
        ask->executeQuery("SHOW SESSION VARIABLES LIKE 'wsrep_on'")};
    if (cluster->next() && cluster->getString(2) == "ON") {
        // Reads wait until the node has applied what all nodes had committed before: workers may
        // use different nodes, and a client must read what it has written through another worker.
        if (auto waits = execute("SET SESSION wsrep_sync_wait = 1"); !waits) {
            return waits;
        }
    }
    const std::unique_ptr<sql::ResultSet> cipher{
        ask->executeQuery("SHOW SESSION STATUS LIKE 'Ssl_cipher'")};
    if (cipher->next()) {
        facts_.tls_cipher = cipher->getString(2);
    }
    if (to.tls == tls_mode::verify && facts_.tls_cipher.empty()) {
        return tl::unexpected{fail_with({failure_kind::denied, 0})};
    }
    if (facts_.is_mariadb) {
        // The server also ends statements whose caller has stopped waiting.
        return execute(
            fmt::format("SET SESSION max_statement_time = {}", whole_seconds(to.call_timeout))
        );
    }
    return {};
}

error connection::fail_with(failure what) {
    failed_ = what;
    const bool harmless = what.kind == failure_kind::conflict || what.kind == failure_kind::again ||
                          what.kind == failure_kind::denied ||
                          what.kind == failure_kind::read_only ||
                          what.kind == failure_kind::no_space || what.kind == failure_kind::unfit;
    if (!harmless) {
        lost_ = true;
    }
    return error_of(what);
}

bool connection::forget_unfit() {
    const bool is_unfit = failed_ && failed_->kind == failure_kind::unfit;
    if (is_unfit) {
        failed_.reset();
    }
    return is_unfit;
}

error connection::caught() {
    failure what;
    try {
        throw;
    } catch (const sql::SQLException& thrown) {
        const int code = code_of(thrown);
        what = {kind_of(code), code};
    } catch (const std::bad_alloc&) {
        what = {failure_kind::no_space, 0};
    } catch (const std::exception&) {
        what = {failure_kind::internal, 0};
    }
    return fail_with(what);
}

result<void> connection::execute(const std::string& sql) {
    try {
        const std::unique_ptr<sql::Statement> once{parts_->handle->createStatement()};
        // True: the statement returned rows, which would block the connection if they stayed
        // unread.
        if (once->execute(sql)) {
            const std::unique_ptr<sql::ResultSet> unread{once->getResultSet()};
        }
        return {};
    } catch (...) {
        return tl::unexpected{caught()};
    }
}

result<void> connection::begin() {
    auto done = execute("START TRANSACTION");
    in_transaction_ = done.has_value();
    return done;
}

result<void> connection::commit() {
    auto done = execute("COMMIT");
    if (done) {
        in_transaction_ = false;
    } else if (lost_) {
        commit_unknown_ = true;
    }
    return done;
}

void connection::rollback() {
    if (!std::exchange(in_transaction_, false) || lost_) {
        return;
    }
    const auto first = failed_; // the failure to report
    if (!execute("ROLLBACK")) {
        lost_ = true;
    }
    if (first) {
        failed_ = first;
    }
}

result<std::int64_t> connection::last_inserted_id() {
    query id{*this, "SELECT LAST_INSERT_ID()"};
    const auto found = id.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return id.integer(0);
}

bool connection::answers() {
    try {
        return !lost_ && parts_->handle->isValid();
    } catch (...) {
        static_cast<void>(caught());
        return false;
    }
}

result<connection::statement*> connection::prepare(std::string_view sql) {
    if (const auto kept = parts_->statements.find(sql); kept != parts_->statements.end()) {
        return &kept->second;
    }
    assert(parts_->statements.size() < statements_max);
    try {
        statement made;
        made.prepared.reset(parts_->handle->prepareStatement(sql::SQLString{std::string{sql}}));
        auto* const about = made.prepared->getMetaData();
        const unsigned columns =
            about == nullptr ? 0 : std::min<unsigned>(about->getColumnCount(), query::columns_max);
        for (unsigned i = 1; i <= columns; ++i) {
            made.columns.push_back(type_of(about->getColumnType(i), about->isSigned(i)));
        }
        return &parts_->statements.emplace(sql, std::move(made)).first->second;
    } catch (...) {
        return tl::unexpected{caught()};
    }
}

void connection::drop(std::string_view sql) {
    parts_->statements.erase(sql);
}

} // namespace msd::store::mysql
