// SPDX-License-Identifier: Apache-2.0
// Three nodes of a Galera cluster behind the repositories.
#include "integration/store/galera_cluster.hpp"
#include "integration/store/loop.hpp"
#include "store/goods_repository.hpp"
#include "store/open.hpp"
#include "store/purchases_repository.hpp"

#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msd::test {
namespace {

// The other nodes take some seconds to agree that a node has failed.
constexpr milliseconds long_patience{120'000};
constexpr milliseconds retry_after{20};

class mysql_cluster : public testing::Test {
protected:
    store::store_settings settings(std::size_t first_node = 0) {
        store::store_settings chosen;
        chosen.executor = loop_.executor();
        chosen.data_dir = machine_.path();
        chosen.server.url = cluster_.url(first_node);
        chosen.server.password = mariadb_server::password;
        return chosen;
    }

    std::unique_ptr<store::goods_repository> open_goods(std::size_t first_node) {
        auto opened = loop_.wait(store::open_goods(settings(first_node), deadline::in(patience)));
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }

    temporary_directory machine_;
    galera_cluster cluster_;
    loop loop_;
};

store::goods_row row_named(std::int64_t id, std::string name) {
    store::goods_row made;
    made.id = id;
    made.fields.name = std::move(name);
    return made;
}

// Changes one row repeatedly; every change must succeed.
asio::awaitable<void> replace_often(store::goods_repository& goods, std::int64_t id, int& ended) {
    for (int i = 0; i < 25; ++i) {
        auto row = row_named(id, "n" + std::to_string(i));
        const auto until = deadline::in(patience);
        const auto done = co_await goods.replace(std::move(row), std::nullopt, until);
        EXPECT_TRUE(done) << done.error().text;
        ++ended;
    }
}

TEST_F(
    mysql_cluster,
    is_migrated_once_accepts_writes_on_every_node_and_avoids_a_node_without_quorum
) {
    // Migrations on all nodes at once, from an empty database.
    std::map<std::size_t, std::unique_ptr<store::goods_repository>> workers;
    for (std::size_t i = 0; i < galera_cluster::size; ++i) {
        auto opening = [](auto chosen, auto& into) -> asio::awaitable<void> {
            auto opened = co_await store::open_goods(std::move(chosen), deadline::in(patience));
            EXPECT_TRUE(opened) << opened.error().text;
            into = std::move(*opened);
        };
        asio::co_spawn(loop_.context(), opening(settings(i), workers[i]), asio::detached);
    }
    const auto all_open = [&] {
        return workers[0] && workers[1] && workers[2];
    };
    loop_.run_until(all_open, long_patience);
    // A worker that found the schema locked tries again later.
    result<std::int64_t> added = fail(errc::unavailable, "not tried");
    EXPECT_TRUE(eventually([&] {
        added = loop_.wait(workers[0]->add({}, std::nullopt, deadline::in(patience)));
        return added.has_value();
    }));
    ASSERT_TRUE(added) << added.error().text;
    EXPECT_EQ(cluster_.node(1).value("SELECT COUNT(*) FROM schema_lock"), "1")
        << "a row is the lock";

    for (auto& [node, worker] : workers) {
        EXPECT_TRUE(eventually([&] {
            return loop_.wait(worker->add({}, std::nullopt, deadline::in(patience))).has_value();
        }));
    }

    // When two nodes change the same row, one transaction is aborted and repeated.
    std::vector<std::unique_ptr<store::goods_repository>> at_node;
    for (const std::size_t i : {0U, 1U}) {
        auto only_one = settings();
        only_one.server.url = cluster_.node(i).url();
        auto opened = loop_.wait(store::open_goods(only_one, deadline::in(patience)));
        ASSERT_TRUE(opened) << opened.error().text;
        at_node.push_back(std::move(*opened));
    }
    // A worker reads what another worker has written, whichever nodes they use.
    for (int i = 0; i < 100; ++i) {
        const auto until = deadline::in(patience);
        const auto id = loop_.wait(at_node[0]->add({}, std::nullopt, until));
        ASSERT_TRUE(id) << id.error().text;
        EXPECT_TRUE(loop_.wait(at_node[1]->find(*id, until))) << i;
    }

    int ended = 0;
    for (const std::size_t i : {0U, 1U, 0U, 1U}) {
        auto changing = replace_often(*at_node[i], *added, ended);
        asio::co_spawn(loop_.context(), std::move(changing), asio::detached);
    }
    loop_.run_until([&] { return ended == 100; }, long_patience);
    int gave_way = 0;
    for (const std::size_t i : {0U, 1U}) {
        gave_way += std::stoi(cluster_.node(i).value(
            "SELECT SUM(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME "
            "IN ('WSREP_LOCAL_CERT_FAILURES', 'WSREP_LOCAL_BF_ABORTS')"
        ));
    }
    EXPECT_GT(gave_way, 0) << "nothing was tested";

    // A node without quorum answers error 1047 to every statement.
    cluster_.node(0).query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
    ASSERT_TRUE(eventually([this] { return !cluster_.in_step(0); }));
    std::int64_t id = 0;
    EXPECT_TRUE(eventually([&] {
        const auto done = loop_.wait(workers[0]->add({}, std::nullopt, deadline::in(patience)));
        id = done.value_or(0);
        return done.has_value();
    }));
    EXPECT_EQ(
        cluster_.node(1).value("SELECT COUNT(*) FROM goods WHERE id = " + std::to_string(id)),
        "1"
    );
    EXPECT_TRUE(loop_.wait(workers[0]->find(id, deadline::in(patience))));
}

// Makes purchases one after another, each repeated until it is acknowledged, with a key of its own.
asio::awaitable<void>
buy(store::purchases_repository& purchases,
    std::int64_t user,
    int pieces,
    std::map<std::string, std::int64_t>& ledger) {
    for (int i = 0; i < pieces; ++i) {
        const store::idempotency once{
            .key = std::to_string(user) + "/" + std::to_string(i),
            .fingerprint = "f"};
        for (bool acknowledged = false; !acknowledged;) {
            store::purchase_fields fields;
            fields.userid = user;
            fields.goodsid = i + 1;
            const auto until = deadline::in(milliseconds{3000});
            const auto done = co_await purchases.add(fields, once, until);
            acknowledged = done.has_value();
            if (acknowledged) {
                ledger[once.key] = *done;
                continue;
            }
            const auto executor = co_await asio::this_coro::executor;
            asio::steady_timer pause{executor, retry_after};
            co_await pause.async_wait(asio::use_awaitable);
        }
    }
}

TEST_F(mysql_cluster, keeps_each_acknowledged_write_exactly_once_when_a_node_is_killed) {
    constexpr int users = 8;
    constexpr int pieces = 30;
    auto opened = loop_.wait(store::open_purchases(settings(), deadline::in(patience)));
    ASSERT_TRUE(opened) << opened.error().text;
    auto& purchases = **opened;
    std::map<std::string, std::int64_t> ledger;
    for (int user = 1; user <= users; ++user) {
        asio::co_spawn(loop_.context(), buy(purchases, user, pieces, ledger), asio::detached);
    }
    loop_.run_until([&] { return ledger.size() > users * pieces / 4; });
    cluster_.node(0).kill();
    loop_.run_until([&] { return ledger.size() == users * pieces; }, long_patience);

    cluster_.rejoin(0);
    for (std::size_t i = 0; i < galera_cluster::size; ++i) {
        EXPECT_EQ(
            cluster_.node(i).value("SELECT COUNT(*) FROM purchases"),
            std::to_string(ledger.size())
        ) << "node "
          << i;
        const auto pairs =
            cluster_.node(i).query("SELECT CONCAT(userid, '/', goodsid - 1), id FROM purchases");
        for (const auto& pair : pairs) {
            EXPECT_EQ(std::to_string(ledger[pair.at(0)]), pair.at(1)) << "node " << i;
        }
    }
}

} // namespace
} // namespace msd::test
