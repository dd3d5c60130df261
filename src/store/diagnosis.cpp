// SPDX-License-Identifier: Apache-2.0
#include "store/diagnosis.hpp"

#include "base/deadline.hpp"
#include "store/data_directory.hpp"
#include "store/migrate.hpp"
#include "store/mysql/connection.hpp"
#include "store/mysql/server_address.hpp"
#include "store/stored_services.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace msd::store {

namespace {

constexpr int tls_failed = 2026; // CR_SSL_CONNECTION_ERROR
constexpr int round_trips = 5;
constexpr std::uintmax_t free_bytes_min = std::uintmax_t{256} << 20;
// One worker per service on each of two cores, with one connection each at start.
constexpr std::int64_t connections_few = 16;

void look_at_directory(const std::filesystem::path& data_dir, diagnosis& into) {
    struct stat about {};
    if (::stat(data_dir.c_str(), &about) != 0) {
        return; // created with mode 0700 at the first start
    }
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        into.advice.push_back(fmt::format(
            "other users of this machine can read {0}: chmod 700 {0}",
            data_dir.string()
        ));
    }
    std::error_code unknown;
    const auto room = std::filesystem::space(data_dir, unknown);
    if (!unknown && room.available < free_bytes_min) {
        into.advice.push_back(fmt::format(
            "only {} MiB are free in {}: writes fail when the disk is full",
            room.available >> 20,
            data_dir.string()
        ));
    }
}

// What a process that ended in a transaction has left behind. Reading it would change files.
void look_for_unfinished(const std::filesystem::path& data_dir, diagnosis& into) {
    std::error_code unknown;
    for (const std::string_view service : stored_services()) {
        const auto file = (data_dir / service).string() + ".db";
        const bool has_log = std::filesystem::exists(file + "-wal", unknown) &&
                             !std::filesystem::exists(file + "-shm", unknown);
        if (has_log || std::filesystem::exists(file + "-journal", unknown)) {
            into.advice.push_back(fmt::format(
                "{}{} is from an interrupted transaction: this command opens nothing for writing "
                "and does not read it; the service does when it starts",
                file,
                has_log ? "-wal" : "-journal"
            ));
        }
    }
}

diagnosis look_at_files(const store_settings& settings) {
    diagnosis found;
    found.kind = "SQLite";
    found.where = settings.data_dir.string();
    found.version = sqlite3_libversion();
    look_at_directory(settings.data_dir, found);
    look_for_unfinished(settings.data_dir, found);
    return found;
}

result<double> round_trip_ms(mysql::connection& on) {
    double quickest = std::numeric_limits<double>::max();
    for (int i = 0; i < round_trips; ++i) {
        const auto begun = clock::now();
        if (auto done = on.execute("DO 0"); !done) {
            return tl::unexpected{std::move(done.error())};
        }
        const std::chrono::duration<double, std::milli> took = clock::now() - begun;
        quickest = std::min(quickest, took.count());
    }
    return quickest;
}

void advise(const server_settings& settings, const mysql::server_facts& facts, diagnosis& into) {
    if (facts.tls_cipher.empty() && settings.tls == tls_mode::prefer) {
        into.advice.emplace_back(
            "the server offers no TLS: passwords and data are sent unencrypted; give it a "
            "certificate and set store.tls = \"verify\", or set store.tls = \"off\" when that is "
            "intended"
        );
    } else if (!facts.tls_cipher.empty() && settings.tls == tls_mode::prefer) {
        into.advice.emplace_back(
            "the connection is encrypted, but the server's certificate is not verified: set "
            "store.tls = \"verify\" and store.tls_ca"
        );
    }
    if (facts.connections_max < connections_few) {
        into.advice.push_back(fmt::format(
            "the server allows only {} connections: requests will wait for a free connection; "
            "raise "
            "its max_connections",
            facts.connections_max
        ));
    }
}

tl::unexpected<error> explain(const mysql::server_address& at, mysql::failure why) {
    auto explained = mysql::error_of(why);
    using enum mysql::failure_kind;
    if (why.kind == denied) {
        explained.code = errc::invalid;
        explained.text += ": check the user, password and database in store.url";
    } else if (why.code == tls_failed) {
        explained.text +=
            "; with store.tls = \"verify\", an authority in store.tls_ca must have signed the "
            "certificate for the server's name";
    } else if (why.kind == unreachable) {
        explained.text += fmt::format(": check that a server runs at {}:{}", at.host, at.port);
    }
    return tl::unexpected{std::move(explained)};
}

result<diagnosis> look_at_server(const server_settings& settings, const mysql::server_address& at) {
    auto opened = mysql::connection::open(at);
    if (!opened) {
        return explain(at, opened.error());
    }
    const auto latency_ms = round_trip_ms(*opened);
    if (!latency_ms) {
        return tl::unexpected{latency_ms.error()};
    }
    const auto& facts = opened->facts();
    diagnosis found;
    found.kind = facts.is_mariadb ? "MariaDB" : "MySQL";
    found.where = fmt::format("{}:{}/{}", at.host, at.port, at.database);
    found.version = facts.version;
    found.latency_ms = *latency_ms;
    found.tls = facts.tls_cipher;
    found.collation = facts.text_collation;
    found.connections_max = facts.connections_max;
    advise(settings, facts, found);
    return found;
}

// The facts are those of the first server that answers; problems of the others become advice.
result<diagnosis> look_at_servers(const server_settings& settings) {
    if (auto loaded = mysql::connection::load_driver(); !loaded) {
        return tl::unexpected{std::move(loaded.error())};
    }
    const auto among = mysql::addresses_of(settings);
    if (!among) {
        return tl::unexpected{among.error()};
    }
    std::optional<diagnosis> found;
    std::vector<std::string> advice;
    for (const auto& at : among->at) {
        auto one = look_at_server(settings, at);
        if (!one && (among->at.size() == 1 || one.error().code == errc::invalid)) {
            return one;
        }
        if (!one) {
            advice.push_back(std::move(one.error().text));
        } else if (!found) {
            found = std::move(*one);
        }
    }
    if (!found) {
        return fail(errc::unavailable, fmt::format("no server answers: {}", advice.front()));
    }
    found->advice.insert(found->advice.end(), advice.begin(), advice.end());
    return std::move(*found);
}

void advise(const migration_report& report, diagnosis& into) {
    if (report.found > report.wanted) {
        into.advice.push_back(fmt::format(
            "{} has schema version {}, newer than version {} of this msd: a newer msd uses the "
            "store, which works",
            report.service,
            report.found,
            report.wanted
        ));
    } else if (report.adopts) {
        into.advice.push_back(fmt::format(
            "{} is a table of an existing deployment: msd migrate --dry-run lists the steps to "
            "adopt it",
            report.service
        ));
    }
}

} // namespace

result<diagnosis> diagnose(const store_settings& settings) {
    auto found = settings.server.url.empty() ? result<diagnosis>{look_at_files(settings)}
                                             : look_at_servers(settings.server);
    if (!found) {
        return found;
    }
    auto schemas = migrate_all(settings, {.dry_run = true});
    if (!schemas) {
        return tl::unexpected{std::move(schemas.error())};
    }
    found->schemas = std::move(*schemas);
    for (const migration_report& report : found->schemas) {
        advise(report, *found);
    }
    return found;
}

} // namespace msd::store
