// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/database.hpp"

#include "store/data_directory.hpp"

#include <fmt/format.h>

#include <string>

namespace msd::store::sqlite {

namespace {

constexpr std::string_view begin_reading = "BEGIN";
constexpr std::string_view begin_writing = "BEGIN IMMEDIATE";
constexpr std::string_view commit = "COMMIT";
constexpr std::string_view rollback = "ROLLBACK";
constexpr std::string_view begin_one = "SAVEPOINT one_write";
constexpr std::string_view undo_one = "ROLLBACK TO one_write";
constexpr std::string_view end_one = "RELEASE one_write";

result<void> run(connection& on, std::string_view statement) {
    return query{on, statement}.run();
}

void fail_all(std::span<net::blocking_lane::job* const> batch, const error& why) {
    for (auto* const one : batch) {
        one->fail(why);
    }
}

} // namespace

database::database(settings chosen)
    : chosen_{std::move(chosen)},
      reading_{fmt::format("store {} (reading)", chosen_.file.string())},
      writing_{fmt::format("store {} (writing)", chosen_.file.string())},
      read_lane_{
          chosen_.executor,
          {.threads = 1, .calls_max = calls_max, .batch_max = read_batch_max},
          [this](jobs batch) {
              read_batch(batch);
          }},
      write_lane_{
          chosen_.executor,
          {.threads = 1, .calls_max = calls_max, .batch_max = write_batch_max},
          [this](jobs batch) {
              write_batch(batch);
          }} {}

database::~database() = default;

asio::awaitable<result<std::unique_ptr<database>>> database::open(settings chosen, deadline until) {
    auto opened = std::make_unique<database>(std::move(chosen));
    // The lanes open their connections. The write lane is first, because it creates the file and
    // its schema. An error is returned to the caller and therefore not logged here.
    auto nothing = []() -> result<void> {
        return {};
    };
    auto ready = co_await opened->write_lane_.run(until, nothing);
    if (ready) {
        ready = co_await opened->read_lane_.run(until, nothing);
    }
    if (!ready) {
        ready.error().text =
            fmt::format("store {}: {}", opened->chosen_.file.string(), ready.error().text);
        co_return tl::unexpected{std::move(ready.error())};
    }
    co_return opened;
}

asio::awaitable<result<std::optional<std::int64_t>>>
database::recall(idempotency once, deadline until) {
    auto look = [this, once = std::move(once)](connection& on) {
        return sqlite::recall(on, once, chosen_.now_ms());
    };
    return read(until, std::move(look));
}

void database::read_batch(jobs batch) {
    if (const auto done = read_all(batch); !done) {
        fail_all(batch, done.error());
        reader_.reset();
    } else if (reader_ && reader_->broken() != nullptr) {
        reader_.reset();
    }
}

result<void> database::read_all(jobs batch) {
    if (!reader_) {
        auto opened = connection::open(chosen_.file, connection::purpose::reading);
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        reader_.emplace(std::move(*opened));
    }
    if (auto begun = run(*reader_, begin_reading); !begun) {
        return begun;
    }
    for (auto* const one : batch) {
        one->run();
    }
    return run(*reader_, commit);
}

void database::write_batch(jobs batch) {
    if (const auto done = write_in_turn(batch); !done) {
        fail_all(batch, done.error());
    }
}

result<void> database::write_in_turn(jobs batch) {
    if (!turn_) {
        if (auto prepared = prepare_data_directory(chosen_.file.parent_path()); !prepared) {
            return prepared;
        }
        auto opened =
            write_turn::open(std::filesystem::path{chosen_.file}.replace_extension("lock"));
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        turn_.emplace(std::move(*opened));
    }
    const auto held = turn_->wait();
    if (!held) {
        return tl::unexpected{held.error()};
    }
    if (!writer_) {
        auto opened = open_writer();
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        writer_.emplace(std::move(*opened));
    }
    connection& writer = *writer_;
    auto done = write_all(writer, batch);
    if (!done && writer.in_transaction()) {
        // The first error is returned.
        static_cast<void>(run(writer, rollback));
    }
    // A connection that stays in a transaction would block the writers of other processes.
    if (writer.broken() != nullptr || writer.in_transaction()) {
        writer_.reset();
    }
    return done;
}

result<connection> database::open_writer() const {
    if (const auto created = create_private_file(chosen_.file); !created) {
        return tl::unexpected{created.error()};
    }
    auto opened = connection::open(chosen_.file, connection::purpose::writing);
    if (!opened) {
        return opened;
    }
    if (auto migrated = migrate(*opened, chosen_.wanted); !migrated) {
        return tl::unexpected{std::move(migrated.error())};
    }
    return opened;
}

result<void> database::write_all(connection& writer, jobs batch) {
    if (auto begun = run(writer, begin_writing); !begun) {
        return begun;
    }
    for (auto* const one : batch) {
        // The deadline may have passed while waiting for the turn: then the call was answered with
        // errc::timeout and is not executed.
        if (one->abandoned()) {
            continue;
        }
        if (auto done = write_one(writer, *one); !done) {
            return done;
        }
    }
    return run(writer, commit);
}

// An error here fails the whole batch: SQLite has rolled back the transaction or is going to.
result<void> database::write_one(connection& writer, net::blocking_lane::job& one) {
    if (auto begun = run(writer, begin_one); !begun) {
        return begun;
    }
    const bool wrote = one.run();
    if (const auto* const why = writer.broken(); why != nullptr) {
        return tl::unexpected{*why};
    }
    if (!wrote) {
        if (auto undone = run(writer, undo_one); !undone) {
            return undone;
        }
    }
    return run(writer, end_one);
}

void database::update_outage_log(outage_log& about, const error* failed) {
    if (failed == nullptr || failed->code == errc::conflict || failed->code == errc::not_found) {
        about.answered();
    } else if (failed->code == errc::unavailable || failed->code == errc::internal) {
        about.failed(*failed, clock::now());
    }
}

} // namespace msd::store::sqlite
