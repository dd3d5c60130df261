// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "integration/store/loop.hpp"
#include "integration/store/stores.hpp"
#include "integration/store/temporary_directory.hpp"
#include "store/sqlite/database.hpp"

#include <asio/detached.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace msd::test {
namespace {

using store::sqlite::connection;
using store::sqlite::database;
using store::sqlite::query;
using store::sqlite::schema;
using store::sqlite::write_turn;

constexpr std::array<std::string_view, 2> migrations{
    "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)",
    store::sqlite::idempotency_schema};
constexpr std::string_view insert_word = "INSERT INTO words(word) VALUES (?)";
constexpr std::string_view count_words = "SELECT COUNT(*) FROM words";

result<std::int64_t> count(connection& on) {
    query rows{on, count_words};
    const auto found = rows.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return rows.integer(0);
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::size_t occurrences(std::string_view text, std::string_view part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

class sqlite_database : public testing::Test {
protected:
    result<void> open(std::span<const std::string_view> scripts = migrations) {
        opened_.reset();
        database::settings chosen;
        chosen.executor = loop_.executor();
        chosen.file = file_;
        chosen.wanted = schema{.service = "words", .migrations = scripts};
        auto opened = loop_.wait(database::open(std::move(chosen), deadline::in(patience)));
        if (!opened) {
            return tl::unexpected{opened.error()};
        }
        opened_ = std::move(*opened);
        return {};
    }

    result<std::int64_t> add(std::string word) {
        auto work = [word = std::move(word)](connection& on) -> result<std::int64_t> {
            const auto done = query{on, insert_word}.bind(word).run();
            if (!done) {
                return tl::unexpected{done.error()};
            }
            return on.last_inserted_id();
        };
        return loop_.wait(opened_->write(deadline::in(patience), std::move(work)));
    }

    result<std::int64_t> words() {
        return loop_.wait(opened_->read(deadline::in(patience), count));
    }

    temporary_directory directory_;
    const std::filesystem::path data_dir_ = directory_.path() / "a" / "data";
    const std::filesystem::path file_ = data_dir_ / "words.db";
    loop loop_;
    std::unique_ptr<database> opened_;
};

unsigned mode_of(const std::filesystem::path& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0U;
}

TEST_F(sqlite_database, is_readable_by_its_user_only) {
    const auto before = ::umask(0);
    const auto opened = open();
    const auto added = add("a");
    ::umask(before);
    ASSERT_TRUE(opened && added);
    EXPECT_EQ(mode_of(data_dir_), 0700U);
    for (const auto* const name : {"words.db", "words.db-wal", "words.db-shm", "words.lock"}) {
        EXPECT_EQ(mode_of(data_dir_ / name), 0600U) << name;
    }
}

TEST_F(sqlite_database, commits_queued_writes_as_one_group) {
    constexpr int writes = 20;
    ASSERT_TRUE(open());
    auto turn = write_turn::open(data_dir_ / "words.lock");
    ASSERT_TRUE(turn);
    std::optional<write_turn::holder> held;
    held.emplace(std::move(*turn->wait()));

    auto outside = connection::open(file_, connection::purpose::reading);
    ASSERT_TRUE(outside);
    std::vector<std::int64_t> inside;
    std::vector<std::int64_t> committed;
    auto work = [&](connection& on) -> result<std::int64_t> {
        const auto word = std::to_string(inside.size());
        const auto done = query{on, insert_word}.bind(word).run();
        inside.push_back(count(on).value());
        committed.push_back(count(*outside).value());
        return done ? result<std::int64_t>{0} : tl::unexpected{done.error()};
    };
    int answered = 0;
    // The first write starts at once and waits for its turn; the others queue behind it.
    for (int i = 0; i <= writes; ++i) {
        asio::co_spawn(
            loop_.context(),
            opened_->write(deadline::in(patience), work),
            [&answered](const std::exception_ptr&, const result<std::int64_t>& done) {
                answered += done ? 1 : 0;
            }
        );
        if (i == 0) {
            loop_.run_until([turns = 0]() mutable { return ++turns > 20; });
        }
    }
    loop_.run_until([turns = 0]() mutable { return ++turns > 20; });
    EXPECT_EQ(answered, 0);
    held.reset();
    loop_.run_until([&] { return answered == writes + 1; });
    EXPECT_EQ(inside.back(), writes + 1);
    EXPECT_LE(committed.back(), 1) << "the group was not committed as one";
}

TEST_F(sqlite_database, rolls_back_a_write_that_returns_an_error) {
    ASSERT_TRUE(open());
    auto work = [](connection& on) -> result<std::int64_t> {
        EXPECT_TRUE(query(on, insert_word).bind(std::string_view{"half"}).run());
        return fail(errc::not_found, "changed its mind");
    };
    EXPECT_FALSE(loop_.wait(opened_->write(deadline::in(patience), work)));
    EXPECT_EQ(words().value(), 0);
}

TEST_F(sqlite_database, reports_a_violated_constraint_as_a_conflict) {
    ASSERT_TRUE(open());
    ASSERT_TRUE(add("a"));
    EXPECT_EQ(add("a").error().code, errc::conflict);
}

TEST_F(sqlite_database, refuses_to_write_while_reading) {
    ASSERT_TRUE(open());
    auto work = [](connection& on) {
        return query(on, insert_word).bind(std::string_view{"x"}).run();
    };
    EXPECT_FALSE(loop_.wait(opened_->read(deadline::in(patience), work)));
    EXPECT_EQ(words().value(), 0);
}

TEST_F(sqlite_database, reports_a_file_that_is_not_a_database) {
    ASSERT_TRUE(open());
    opened_.reset();
    std::ofstream{file_, std::ios::trunc} << std::string(8192, 'x');
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::unavailable);
    EXPECT_NE(opened.error().text.find("file is not a database"), std::string::npos);
    EXPECT_NE(opened.error().text.find(file_.string()), std::string::npos);
}

TEST_F(sqlite_database, reports_a_directory_that_cannot_be_created) {
    std::ofstream{directory_.path() / "a"} << "a file where a directory should be";
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::unavailable);
}

// Simulates a full disk for this process.
class full_disk {
public:
    full_disk() {
        before_ = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        auto tight = limit_;
        tight.rlim_cur = 64 * 1024;
        ::setrlimit(RLIMIT_FSIZE, &tight);
    }
    ~full_disk() {
        ::setrlimit(RLIMIT_FSIZE, &limit_);
        std::signal(SIGXFSZ, before_);
    }
    full_disk(const full_disk&) = delete;
    full_disk& operator=(const full_disk&) = delete;

private:
    rlimit limit_{};
    void (*before_)(int) = nullptr;
};

// Without the lock, the next process that closes the database may remove the log of this one.
TEST_F(sqlite_database, keeps_the_lock_that_shows_that_it_is_open) {
    ASSERT_TRUE(open());
    ASSERT_EQ(words().value(), 0);
    ASSERT_TRUE(add("written after it was read"));
    {
        const full_disk full;
        ASSERT_FALSE(add(std::string(1 << 20, 'x'))) << "after that it opens the file again";
    }
    ASSERT_TRUE(add("again"));
    // The bytes that SQLite locks in a file: sqlite.org/src/file/src/os.h.
    constexpr off_t shared_first = 0x40000002;
    constexpr off_t shared_size = 510;
    struct flock held {};
    held.l_type = F_WRLCK;
    held.l_whence = SEEK_SET;
    held.l_start = shared_first;
    held.l_len = shared_size;
    const unique_fd looking{::open(file_.c_str(), O_RDWR | O_CLOEXEC)};
    ASSERT_EQ(fcntl(looking.get(), F_OFD_GETLK, &held), 0);
    EXPECT_EQ(held.l_type, F_RDLCK);
}

TEST_F(sqlite_database, is_unavailable_on_a_full_disk_and_recovers_by_itself) {
    const auto log_file = directory_.path() / "log";
    log::configure({.file = log_file.string(), .role = "test"});
    ASSERT_TRUE(open());
    ASSERT_TRUE(add("before"));
    const std::string large(1 << 20, 'x');
    {
        const full_disk full;
        for (int i = 0; i < 3; ++i) {
            const auto added = add(large);
            ASSERT_FALSE(added);
            EXPECT_EQ(added.error().code, errc::unavailable) << added.error().text;
        }
        EXPECT_EQ(words().value(), 1) << "reads go on";
    }
    EXPECT_TRUE(add(large));
    EXPECT_EQ(words().value(), 2);
    log::configure({});
    const auto logged = content_of(log_file);
    EXPECT_EQ(occurrences(logged, "(writing): "), 2U) << logged;
    EXPECT_EQ(occurrences(logged, "works again"), 1U) << logged;
}

TEST_F(sqlite_database, applies_only_missing_migrations) {
    ASSERT_TRUE(open());
    ASSERT_TRUE(add("kept"));
    const std::array<std::string_view, 3> longer{
        migrations[0],
        migrations[1],
        "ALTER TABLE words ADD COLUMN language TEXT; UPDATE words SET language = 'en'"};
    ASSERT_TRUE(open(longer));
    ASSERT_TRUE(open(longer));
    EXPECT_EQ(words().value(), 1);
    auto version = [](connection& on) -> result<std::int64_t> {
        query rows{on, "SELECT COUNT(*) FROM schema_version WHERE service = 'words'"};
        static_cast<void>(rows.next());
        return rows.integer(0);
    };
    EXPECT_EQ(loop_.wait(opened_->read(deadline::in(patience), version)).value(), 3);
}

TEST_F(sqlite_database, works_with_a_schema_of_a_later_version) {
    const std::array<std::string_view, 3> longer{
        migrations[0],
        migrations[1],
        "ALTER TABLE words ADD COLUMN language TEXT"};
    ASSERT_TRUE(open(longer));
    ASSERT_TRUE(open());
    EXPECT_TRUE(add("a"));
}

TEST_F(sqlite_database, rolls_back_a_failed_migration) {
    const std::array<std::string_view, 2> wrong{
        "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)",
        "CREATE TABLE more(id INTEGER PRIMARY KEY); SELECT nonsense FROM nowhere"};
    EXPECT_FALSE(open(wrong));
    EXPECT_TRUE(open()) << "the first script did not stay behind either";
}

TEST_F(sqlite_database, refuses_an_unknown_kind_of_store) {
    store::store_settings chosen;
    chosen.executor = loop_.executor();
    chosen.data_dir = data_dir_;
    chosen.server.url = "oracle://somewhere";
    const auto opened = loop_.wait(store::open_goods(chosen, deadline::in(patience)));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::invalid);
    EXPECT_FALSE(std::filesystem::exists(data_dir_));
}

TEST_F(sqlite_database, removes_expired_keys_in_small_batches) {
    constexpr int keys = 10;
    opened_.reset();
    std::atomic<std::int64_t> now{1'000'000'000};
    database::settings chosen;
    chosen.executor = loop_.executor();
    chosen.file = file_;
    chosen.wanted = schema{.service = "words", .migrations = migrations};
    chosen.now_ms = [&now] {
        return now.load();
    };
    opened_ = std::move(*loop_.wait(database::open(std::move(chosen), deadline::in(patience))));
    auto nothing = [](connection&) -> result<std::int64_t> {
        return 1;
    };
    const auto once = [&](const std::string& key) {
        const store::idempotency mark{.key = key, .fingerprint = "f"};
        ASSERT_TRUE(loop_.wait(opened_->write_once(mark, deadline::in(patience), nothing)));
    };
    for (int i = 0; i < keys; ++i) {
        once(std::to_string(i));
    }
    auto kept = [](connection& on) -> result<std::int64_t> {
        query rows{on, "SELECT COUNT(*) FROM idempotency"};
        static_cast<void>(rows.next());
        return rows.integer(0);
    };
    const auto rows = [&] {
        return loop_.wait(opened_->read(deadline::in(patience), kept)).value();
    };
    EXPECT_EQ(rows(), keys);
    now += store::idempotency_kept.count();
    once("later");
    EXPECT_LT(rows(), keys);
    EXPECT_GT(rows(), 1);
    once("and later");
    once("and again");
    EXPECT_EQ(rows(), 3);
}

} // namespace
} // namespace msd::test
