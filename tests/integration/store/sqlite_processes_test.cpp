// SPDX-License-Identifier: Apache-2.0
// Several processes that use one SQLite file, like the workers of a service. Children are forked
// before the store is used in this process, and report through pipes.
#include "base/unique_fd.hpp"
#include "integration/store/stores.hpp"
#include "store/sqlite/write_turn.hpp"

#include <asio/detached.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <set>

namespace msd::test {
namespace {

// A child process that runs `body` with a pipe to write to, and exits 0 when it returns true.
class child {
public:
    explicit child(const std::function<bool(int pipe)>& body) {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0) {
            std::abort();
        }
        reading_.reset(ends[0]);
        const unique_fd writing{ends[1]};
        pid_ = ::fork();
        if (pid_ == 0) {
            // _exit(), because the parent's buffers and tests must not run in the child.
            ::_exit(body(writing.get()) ? 0 : 1);
        }
    }
    child(child&& other) noexcept
        : reading_{std::move(other.reading_)},
          pid_{std::exchange(other.pid_, -1)} {}
    child& operator=(child&&) = delete;
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        if (pid_ > 0) {
            kill();
            wait();
        }
    }

    void kill() const { ::kill(pid_, SIGKILL); }

    bool wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    /// The next acknowledged id; 0 when the child has ended.
    [[nodiscard]] std::int64_t next_id() const {
        std::int64_t id = 0;
        const auto size = ::read(reading_.get(), &id, sizeof id);
        return size == sizeof id ? id : 0;
    }

private:
    unique_fd reading_;
    pid_t pid_ = -1;
};

store::store_settings settings_in(const std::filesystem::path& data_dir, loop& on) {
    store::store_settings chosen;
    chosen.executor = on.executor();
    chosen.data_dir = data_dir;
    return chosen;
}

std::unique_ptr<store::goods_repository>
open_goods(const std::filesystem::path& data_dir, loop& on) {
    auto opened = on.wait(store::open_goods(settings_in(data_dir, on), deadline::in(patience)));
    return opened ? std::move(*opened) : nullptr;
}

// Writes `wanted` rows, `at_once` of them at a time, and reports each id when it is acknowledged.
asio::awaitable<void> write_rows(store::goods_repository& goods, int wanted, int pipe, int& right) {
    for (int i = 0; i < wanted; ++i) {
        store::goods_fields fields;
        fields.name = "row";
        fields.category = "c";
        const auto added =
            co_await goods.add(std::move(fields), std::nullopt, deadline::in(patience));
        if (added && ::write(pipe, &*added, sizeof *added) == sizeof *added) {
            ++right;
        }
    }
}

bool write_concurrently(
    const std::filesystem::path& data_dir,
    int coroutines,
    int rows_each,
    int pipe
) {
    loop on;
    const auto goods = open_goods(data_dir, on);
    if (!goods) {
        return false;
    }
    int right = 0;
    for (int i = 0; i < coroutines; ++i) {
        asio::co_spawn(on.context(), write_rows(*goods, rows_each, pipe, right), asio::detached);
    }
    on.run_until([&] { return right == coroutines * rows_each; });
    return true;
}

void write_id(json::writer& out, const store::goods_view& row) {
    out.integer(row.id);
}

std::set<std::int64_t> all_ids(const std::filesystem::path& data_dir) {
    loop on;
    const auto goods = open_goods(data_dir, on);
    std::set<std::int64_t> ids;
    store::goods_query query;
    for (;;) {
        const auto rows = on.wait(goods->list(query, write_id, deadline::in(patience)));
        EXPECT_TRUE(rows);
        const std::string text = "[" + rows->rows + "]";
        const auto elements = json::elements(text).value();
        for (const auto& id : elements) {
            ids.insert(id.as_int64().value());
        }
        if (!rows->next) {
            return ids;
        }
        query.rows.after = *rows->next;
    }
}

class sqlite_processes : public testing::TestWithParam<int> {
protected:
    temporary_directory directory_;
    const std::filesystem::path data_dir_ = directory_.path() / "data";
};

TEST_P(sqlite_processes, write_concurrently_from_an_empty_directory) {
    constexpr int coroutines = 8;
    constexpr int rows_each = 20;
    std::vector<child> children;
    for (int i = 0; i < GetParam(); ++i) {
        children.emplace_back([this](int pipe) {
            return write_concurrently(data_dir_, coroutines, rows_each, pipe);
        });
    }
    std::set<std::int64_t> acknowledged;
    for (auto& one : children) {
        for (int i = 0; i < coroutines * rows_each; ++i) {
            EXPECT_TRUE(acknowledged.insert(one.next_id()).second) << "an id was given twice";
        }
        EXPECT_TRUE(one.wait());
    }
    EXPECT_EQ(all_ids(data_dir_), acknowledged);
}

TEST_P(sqlite_processes, keep_every_acknowledged_row_when_killed) {
    constexpr int acknowledged_at_least = 50;
    std::vector<child> children;
    for (int i = 0; i < GetParam(); ++i) {
        children.emplace_back([this](int pipe) {
            return write_concurrently(data_dir_, 16, 1'000'000, pipe);
        });
    }
    std::set<std::int64_t> acknowledged;
    for (auto& one : children) {
        for (int i = 0; i < acknowledged_at_least; ++i) {
            acknowledged.insert(one.next_id());
        }
        one.kill();
        // Ids that were reported before the child died count as well.
        for (auto id = one.next_id(); id != 0; id = one.next_id()) {
            acknowledged.insert(id);
        }
        EXPECT_FALSE(one.wait());
    }
    EXPECT_FALSE(acknowledged.contains(0)) << "a child ended early";
    const auto kept = all_ids(data_dir_);
    EXPECT_TRUE(std::ranges::includes(kept, acknowledged));
}

INSTANTIATE_TEST_SUITE_P(workers, sqlite_processes, testing::Values(1, 2, 4));

TEST(sqlite_sharing, sees_a_write_of_another_process_at_once) {
    const temporary_directory directory;
    child writer{[&](int pipe) {
        return write_concurrently(directory.path(), 1, 1, pipe);
    }};
    const auto id = writer.next_id();
    ASSERT_TRUE(writer.wait());
    EXPECT_EQ(all_ids(directory.path()), std::set{id});
}

TEST(sqlite_sharing, reads_while_another_process_holds_the_write_turn) {
    const temporary_directory directory;
    std::array<int, 2> go{};
    ASSERT_EQ(::pipe(go.data()), 0);
    const unique_fd wait_for_go{go[0]};
    const unique_fd give_go{go[1]};
    child holder{[&](int pipe) {
        char byte = 0;
        if (::read(wait_for_go.get(), &byte, 1) != 1) {
            return false;
        }
        auto turn = store::sqlite::write_turn::open(directory.path() / "goods.lock");
        const auto held = turn->wait();
        const std::int64_t locked = 1;
        if (::write(pipe, &locked, sizeof locked) == sizeof locked) {
            ::pause();
        }
        return held.has_value();
    }};
    loop on;
    const auto goods = open_goods(directory.path(), on);
    ASSERT_TRUE(goods);
    ASSERT_EQ(::write(give_go.get(), "g", 1), 1);
    ASSERT_EQ(holder.next_id(), 1);

    const auto late = on.wait(goods->add({}, std::nullopt, deadline::in(milliseconds{50})));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, errc::timeout);
    EXPECT_TRUE(on.wait(goods->list({}, write_id, deadline::in(patience))));
    holder.kill();
    EXPECT_TRUE(on.wait(goods->add({}, std::nullopt, deadline::in(patience))));
    const auto rows = on.wait(goods->list({}, write_id, deadline::in(patience)));
    EXPECT_EQ(rows->count, 1U) << "the write that was answered timeout is not made later";
}

} // namespace
} // namespace msd::test
