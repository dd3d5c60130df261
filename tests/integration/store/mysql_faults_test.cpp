// SPDX-License-Identifier: Apache-2.0
// Reads and writes while the server is killed, frozen, read-only, out of space or slow: every write
// that was answered with success exists exactly once.
#include "base/log.hpp"
#include "integration/store/loop.hpp"
#include "integration/store/mysql_test.hpp"
#include "store/goods_repository.hpp"
#include "store/open.hpp"

#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>
#include <vector>

namespace msd::test {
namespace {

store::goods_fields product(std::string name, std::size_t description_size = 1) {
    store::goods_fields fields;
    fields.name = std::move(name);
    fields.category = "c";
    fields.description.assign(description_size, 'x');
    return fields;
}

// A client that adds products one after another, each with a key of its own, and repeats failed
// writes until they succeed, as clients with an Idempotency-Key do. Without keys it does not
// repeat.
struct writer {
    std::string name;
    int wanted = 0;
    bool with_keys = true;
    std::map<std::string, std::int64_t> acknowledged; // by product name
    int failures = 0;
    bool ended = false;
};

asio::awaitable<void> write(store::goods_repository& goods, writer& who) {
    for (int i = 0; i < who.wanted; ++i) {
        const std::string name = fmt::format("{}-{}", who.name, i);
        for (;;) {
            std::optional<store::idempotency> once;
            if (who.with_keys) {
                once = store::idempotency{.key = name, .fingerprint = "f"};
            }
            const auto added = co_await goods.add(
                product(name),
                std::move(once),
                deadline::in(milliseconds{1500})
            );
            if (added) {
                who.acknowledged[name] = *added;
                break;
            }
            ++who.failures;
            const auto executor = co_await asio::this_coro::executor;
            asio::steady_timer pause{executor, milliseconds{20}};
            co_await pause.async_wait(asio::use_awaitable);
            if (!who.with_keys) {
                break;
            }
        }
    }
    who.ended = true;
}

class mysql_faults : public testing::Test {
protected:
    explicit mysql_faults(mariadb_settings chosen = {}) : server_{std::move(chosen)} {}

    void SetUp() override {
        log::configure({.file = log_file(), .role = "test"});
        store::store_settings chosen;
        chosen.executor = loop_.executor();
        chosen.server.url = server_.url();
        chosen.server.password = mariadb_server::password;
        auto opened = loop_.wait(store::open_goods(chosen, soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        goods_ = std::move(*opened);
    }

    void TearDown() override {
        const auto logged = all_logged();
        // The log has no texts, addresses, accounts or statements of the server.
        for (const auto* const secret :
             {"127.0.0.1", mariadb_server::password, "msd@", "SELECT", "INSERT", "UPDATE"}) {
            EXPECT_EQ(logged.find(secret), std::string::npos) << logged;
        }
    }

    // Closes the store.
    std::string all_logged() {
        goods_.reset();
        log::configure({});
        std::ifstream in{log_file()};
        return {std::istreambuf_iterator<char>{in}, {}};
    }

    static deadline soon() { return deadline::in(patience); }
    [[nodiscard]] std::string log_file() const { return (directory_.path() / "log").string(); }

    result<std::int64_t> add(store::goods_fields fields, deadline until = soon()) {
        return loop_.wait(goods_->add(std::move(fields), std::nullopt, until));
    }

    // Repeats an insert until it succeeds, which takes up to one probe period.
    void wait_until_it_writes() {
        const auto limit = soon();
        while (!add(product("again")) && !limit.passed()) {
            std::this_thread::sleep_for(milliseconds{20});
        }
        EXPECT_FALSE(limit.passed());
    }

    // Runs `disturb` when half of the rows are written, and checks all rows at the end.
    template <class F>
    void write_while(bool with_keys, F disturb) {
        constexpr int writers = 8;
        constexpr int rows_each = 30;
        std::vector<writer> all(writers);
        for (int i = 0; i < writers; ++i) {
            auto& one = all[static_cast<std::size_t>(i)];
            one.name = fmt::format("w{}", i);
            one.wanted = rows_each;
            one.with_keys = with_keys;
            asio::co_spawn(loop_.context(), write(*goods_, one), asio::detached);
        }
        const auto done = [&all] {
            std::size_t rows = 0;
            for (const auto& one : all) {
                rows += one.acknowledged.size();
            }
            return rows;
        };
        loop_.run_until([&] { return done() > 40; });
        disturb();
        loop_.run_until([&] {
            return std::ranges::all_of(all, [](const auto& one) { return one.ended; });
        });
        std::map<std::string, std::vector<std::int64_t>> kept;
        for (const auto& row : server_.query("SELECT name, id FROM msd.goods")) {
            kept[row[0]].push_back(std::stoll(row[1]));
        }
        for (const auto& one : all) {
            for (const auto& [name, id] : one.acknowledged) {
                EXPECT_EQ(kept[name], std::vector{id}) << name;
            }
        }
        if (with_keys) {
            EXPECT_EQ(done(), static_cast<std::size_t>(writers) * rows_each);
        }
        for (const auto& [name, ids] : kept) {
            EXPECT_LE(ids.size(), 1U) << name;
        }
    }

    temporary_directory directory_;
    mariadb_server server_;
    loop loop_;
    std::unique_ptr<store::goods_repository> goods_;
};

class mysql_faults_durable : public mysql_faults {
protected:
    mysql_faults_durable() : mysql_faults{{.durable = true}} {}
};

TEST_F(mysql_faults_durable, killed_during_writes_it_keeps_each_acknowledged_write_once) {
    write_while(true, [this] {
        for (int i = 0; i < 3; ++i) {
            server_.kill();
            server_.start();
            const auto go_on = deadline::in(milliseconds{300});
            loop_.run_until([&] { return go_on.passed(); });
        }
    });
}

TEST_F(
    mysql_faults_durable,
    killed_during_writes_without_keys_it_neither_loses_nor_duplicates_any
) {
    write_while(false, [this] {
        server_.kill();
        server_.start();
    });
}

TEST_F(mysql_faults, frozen_during_writes_it_keeps_each_acknowledged_write_once) {
    write_while(true, [this] {
        server_.freeze();
        const auto frozen = deadline::in(milliseconds{2500});
        loop_.run_until([&] { return frozen.passed(); });
        server_.thaw();
    });
}

TEST_F(mysql_faults, restarted_during_writes_it_keeps_each_acknowledged_write_once) {
    write_while(true, [this] { server_.restart(); });
}

TEST_F(mysql_faults, read_only_it_still_reads_and_logs_the_outage_once) {
    const auto id = add(product("before"));
    ASSERT_TRUE(id);
    server_.query("SET GLOBAL read_only = 1");
    for (int i = 0; i < 5; ++i) {
        const auto refused = add(product("refused"));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, errc::unavailable);
        EXPECT_TRUE(loop_.wait(goods_->find(*id, soon())));
    }
    server_.query("SET GLOBAL read_only = 0");
    EXPECT_TRUE(add(product("after")));
    const auto logged = all_logged();
    EXPECT_NE(logged.find("(writing): the server is read-only"), std::string::npos) << logged;
    EXPECT_EQ(std::count(logged.begin(), logged.end(), '\n'), 2) << logged;
}

class mysql_faults_small_disk : public mysql_faults {
protected:
    mysql_faults_small_disk()
        : mysql_faults{
              {.options = {
                   "--innodb-file-per-table=0",
                   "--innodb-data-file-path=ibdata1:12M:autoextend:max:16M"}}} {}
};

TEST_F(mysql_faults_small_disk, out_of_space_it_refuses_writes_and_recovers_by_itself) {
    constexpr std::size_t large = 300'000;
    std::vector<std::int64_t> ids;
    result<std::int64_t> refused = 0;
    for (int i = 0; i < 100 && refused; ++i) {
        refused = add(product("large", large));
        if (refused) {
            ids.push_back(*refused);
        }
    }
    ASSERT_FALSE(refused) << "the disk was never full";
    EXPECT_EQ(refused.error().code, errc::unavailable) << refused.error().text;
    ASSERT_FALSE(ids.empty());
    EXPECT_TRUE(loop_.wait(goods_->find(ids.front(), soon())));
    EXPECT_EQ(server_.value("SELECT COUNT(*) FROM msd.goods"), std::to_string(ids.size()));
    server_.stop();
    server_.start({"--innodb-data-file-path=ibdata1:12M:autoextend"}); // the disk has space again
    wait_until_it_writes();
}

TEST_F(mysql_faults, repeats_a_transaction_that_waits_too_long_for_a_lock) {
    const auto id = add(product("a"));
    ASSERT_TRUE(id);
    std::thread other{[&] {
        server_.query(fmt::format(
            "START TRANSACTION; SELECT name FROM msd.goods WHERE id = {} FOR UPDATE; "
            "DO SLEEP(8); COMMIT",
            *id
        ));
    }};
    // innodb_trx is not used, because it is cached for a tenth of a second.
    EXPECT_TRUE(eventually([&] {
        return server_.value("SELECT COUNT(*) FROM information_schema.processlist "
                             "WHERE info LIKE 'DO SLEEP%'") == "1";
    }));
    const auto replaced =
        loop_.wait(goods_->replace({.id = *id, .fields = product("b")}, std::nullopt, soon()));
    EXPECT_TRUE(replaced) << replaced.error().text;
    other.join();
    EXPECT_EQ(server_.value("SELECT name FROM msd.goods"), "b");
}

TEST_F(mysql_faults, slow_it_fails_calls_within_their_deadline) {
    std::thread other{[&] {
        server_.query("LOCK TABLES msd.goods WRITE; DO SLEEP(8); UNLOCK TABLES");
    }};
    EXPECT_TRUE(eventually([&] {
        return server_.value("SELECT COUNT(*) FROM information_schema.processlist "
                             "WHERE info LIKE 'DO SLEEP%'") == "1";
    }));
    const auto begun = clock::now();
    const auto late = add(product("late"), deadline::in(milliseconds{400}));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, errc::timeout);
    EXPECT_LT(clock::now() - begun, milliseconds{4000});
    other.join();
    wait_until_it_writes();
    EXPECT_EQ(server_.value("SELECT COUNT(*) FROM msd.goods WHERE name = 'late'"), "0")
        << "what was answered with timeout before it began is not made later";
}

} // namespace
} // namespace msd::test
