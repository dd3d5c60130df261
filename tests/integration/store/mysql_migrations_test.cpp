// SPDX-License-Identifier: Apache-2.0
// Migrations of an empty database, from every earlier version, of an existing deployment's tables,
// and by several workers at once.
#include "integration/store/existing_deployment.hpp"
#include "integration/store/loop.hpp"
#include "integration/store/mysql_test.hpp"
#include "store/goods_repository.hpp"
#include "store/members_repository.hpp"
#include "store/mysql/goods_table.hpp"
#include "store/mysql/members_table.hpp"
#include "store/mysql/migration_lock.hpp"
#include "store/mysql/migrations.hpp"
#include "store/mysql/purchases_table.hpp"
#include "store/open.hpp"
#include "store/purchases_repository.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <vector>

namespace msd::test {
namespace {

using store::mysql::connection;
using store::mysql::migrate;
using store::mysql::migration_lock;
using store::mysql::schema;

void write_goods(json::writer& out, const store::goods_view& row) {
    out.string(fmt::format("{}|{}|{}|{}", row.id, row.name, row.price.text(), row.description));
}

void write_purchase(json::writer& out, const store::purchase_row& row) {
    out.string(fmt::format("{}|{}|{}", row.fields.goodsid, row.fields.quantity, row.date_ms));
}

class mysql_migrations : public testing::Test {
protected:
    store::store_settings settings() {
        store::store_settings chosen;
        chosen.executor = loop_.executor();
        chosen.server.url = server_.url();
        chosen.server.password = mariadb_server::password;
        chosen.server.legacy_time_zone = zone_;
        return chosen;
    }

    static deadline soon() { return deadline::in(patience); }

    result<void> migrate_all(std::string_view zone = "") {
        auto first = connect(address_of(server_));
        for (const auto& wanted : schemas()) {
            auto done = migrate(first, address_of(server_), wanted, zone);
            if (!done) {
                return done;
            }
        }
        return {};
    }

    static std::array<schema, 3> schemas() {
        return {
            store::mysql::goods_table::wanted_schema(),
            store::mysql::members_table::wanted_schema(),
            store::mysql::purchases_table::wanted_schema()};
    }

    // The facts that must be equal however the schema was created.
    std::string columns_of(std::string_view table) {
        const auto rows = server_.query(fmt::format(
            "SELECT column_name, column_type, collation_name, '' FROM information_schema.columns "
            "WHERE table_schema = 'msd' AND table_name = '{0}' UNION ALL "
            "SELECT index_name, column_name, seq_in_index, non_unique FROM "
            "information_schema.statistics WHERE table_schema = 'msd' AND table_name = '{0}'",
            table
        ));
        std::string all;
        for (const auto& row : rows) {
            all += fmt::format("{}\n", fmt::join(row, " "));
        }
        return all;
    }

    mariadb_server& server_ = fresh_server();
    loop loop_;
    std::string zone_ = "+09:00";
};

TEST_F(mysql_migrations, keep_every_row_of_an_existing_deployment) {
    server_.query(existing_deployment);
    auto goods = loop_.wait(store::open_goods(settings(), soon()));
    auto purchases = loop_.wait(store::open_purchases(settings(), soon()));
    auto members = loop_.wait(store::open_members(settings(), soon()));
    ASSERT_TRUE(goods && purchases && members);

    EXPECT_EQ(
        loop_.wait((*goods)->list({}, write_goods, soon()))->rows,
        "\"1|caf\u00e9|3|x\",\"3|dear|2147483647|\""
    );
    store::goods_fields exact;
    exact.name = "exact";
    exact.price = money::parse("0.4999").value();
    EXPECT_EQ(loop_.wait((*goods)->add(exact, std::nullopt, soon())).value(), 4);
    EXPECT_EQ(server_.value("SELECT price FROM msd.goods WHERE id = 4"), "0") << "for old nodes";

    const auto found = loop_.wait((*members)->find("\uc5f0\ud544", soon()));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->hashes.password, "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");

    // 03:00 and 15:30 of the day before in UTC; an invalid date is 1970.
    EXPECT_EQ(
        loop_.wait((*purchases)->list(1, {}, write_purchase, soon()))->rows,
        R"("1|1|1593572400000","3|1|1577806200000","3|1|0","3|1|0")"
    );
}

TEST_F(mysql_migrations, work_beside_nodes_of_the_existing_deployment) {
    server_.query(existing_deployment);
    auto goods = loop_.wait(store::open_goods(settings(), soon()));
    auto purchases = loop_.wait(store::open_purchases(settings(), soon()));
    ASSERT_TRUE(goods && purchases);
    server_.query("INSERT INTO msd.goods(name, category, price, description) "
                  "VALUES ('late', 'c', 7, 'd'); "
                  "INSERT INTO msd.purchases(userid, goodsid, date) "
                  "VALUES (2, 9, '2020-07-01 12:00:00')");
    EXPECT_EQ(loop_.wait((*goods)->find(4, soon()))->fields.price.text(), "7");
    EXPECT_EQ(
        loop_.wait((*purchases)->list(2, {}, write_purchase, soon()))->rows,
        R"("9|1|1593572400000")"
    );
    auto added = (*purchases)->add({.userid = 3, .goodsid = 1, .price = {}}, std::nullopt, soon());
    ASSERT_TRUE(loop_.wait(std::move(added)));
    EXPECT_EQ(
        server_.value(
            "SELECT ROUND(TIMESTAMPDIFF(SECOND, date_utc, date) / 3600) FROM msd.purchases "
            "WHERE userid = 3"
        ),
        "9"
    ) << "old nodes read dates of their zone";
}

TEST_F(mysql_migrations, use_the_servers_time_zone_by_default) {
    server_.query("SET GLOBAL time_zone = '-05:00'");
    server_.query(existing_deployment);
    ASSERT_TRUE(migrate_all());
    EXPECT_EQ(
        server_.value("SELECT date_utc FROM msd.purchases WHERE id = 1"),
        "2020-07-01 17:00:00.000"
    );
}

TEST_F(mysql_migrations, refuse_an_unknown_time_zone) {
    server_.query(existing_deployment);
    const auto done = migrate_all("Mars/Olympus");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, errc::invalid);
    EXPECT_NE(done.error().text.find("store.legacy_time_zone"), std::string::npos);
    zone_ = "Mars/Olympus";
    EXPECT_FALSE(loop_.wait(store::open_purchases(settings(), soon())));
    EXPECT_TRUE(migrate_all("+01:00")) << "and can be made later";
}

TEST_F(mysql_migrations, lead_from_every_earlier_version_to_the_same_schema) {
    ASSERT_TRUE(migrate_all());
    std::map<std::string_view, std::string> wanted;
    for (const auto& one : schemas()) {
        wanted[one.service] = columns_of(one.service);
    }
    for (const auto& whole : schemas()) {
        for (std::size_t version = 0; version < whole.migrations.size(); ++version) {
            server_.query("DROP DATABASE msd; CREATE DATABASE msd");
            auto first = connect(address_of(server_));
            const schema earlier{whole.service, whole.migrations.first(version)};
            ASSERT_TRUE(migrate(first, address_of(server_), earlier, ""));
            ASSERT_TRUE(migrate(first, address_of(server_), whole, ""));
            EXPECT_EQ(columns_of(whole.service), wanted.at(whole.service)) << version;
        }
    }
}

TEST_F(mysql_migrations, continue_after_an_interruption) {
    // The step was executed, but its version was not recorded.
    ASSERT_TRUE(migrate_all());
    for (const auto& one : schemas()) {
        const auto wanted = columns_of(one.service);
        for (std::size_t version = 1; version <= one.migrations.size(); ++version) {
            server_.query(fmt::format(
                "DELETE FROM msd.schema_version WHERE service = '{}' AND version >= {}",
                one.service,
                version
            ));
            auto first = connect(address_of(server_));
            ASSERT_TRUE(migrate(first, address_of(server_), one, ""));
            EXPECT_EQ(columns_of(one.service), wanted);
        }
    }
}

TEST_F(mysql_migrations, accept_a_schema_of_a_later_version) {
    ASSERT_TRUE(migrate_all());
    server_.query("INSERT INTO msd.schema_version(service, version) VALUES ('goods', 99); "
                  "ALTER TABLE msd.goods ADD COLUMN later INT");
    EXPECT_TRUE(migrate_all());
    EXPECT_TRUE(loop_.wait(store::open_goods(settings(), soon())));
}

TEST_F(mysql_migrations, are_executed_once_by_workers_that_start_at_the_same_time) {
    server_.query(existing_deployment);
    std::atomic<int> right{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < 8; ++i) {
        workers.emplace_back([&] {
            const auto limit = soon();
            auto done = migrate_all("+09:00");
            // Another worker may hold the lock for longer than one attempt waits.
            while (!done && done.error().code == errc::refused && !limit.passed()) {
                done = migrate_all("+09:00");
            }
            right += done ? 1 : 0;
        });
    }
    for (auto& worker : workers) {
        worker.join();
    }
    EXPECT_EQ(right, 8);
    EXPECT_EQ(server_.value("SELECT COUNT(*) FROM msd.schema_version"), "24");
    EXPECT_EQ(server_.value("SELECT COUNT(*) FROM msd.purchases"), "4");
}

TEST_F(mysql_migrations, list_the_missing_steps_without_executing_them) {
    server_.query(existing_deployment);
    auto first = connect(address_of(server_));
    const auto wanted = store::mysql::goods_table::wanted_schema();
    const auto before = store::mysql::plan_migration(first, wanted);
    ASSERT_TRUE(before);
    EXPECT_TRUE(before->adopts);
    EXPECT_EQ(before->found, 0);
    EXPECT_EQ(before->steps.size(), wanted.migrations.size());
    EXPECT_EQ(
        server_.value("SELECT COUNT(*) FROM information_schema.tables "
                      "WHERE table_schema = 'msd'"),
        "3"
    ) << "nothing was made";
    ASSERT_TRUE(migrate_all());
    const auto after = store::mysql::plan_migration(first, wanted);
    EXPECT_EQ(after->found, after->wanted);
    EXPECT_TRUE(after->steps.empty());
    EXPECT_FALSE(after->adopts);
}

TEST_F(mysql_migrations, use_a_row_as_lock_in_a_cluster) {
    auto one = connect(address_of(server_));
    // Simulates another node, which does not see the named locks of this one.
    auto two = connect(address_of(server_));
    migration_lock first{one, migration_lock::cluster::yes};
    ASSERT_TRUE(first.take());
    ASSERT_TRUE(one.execute("DO RELEASE_ALL_LOCKS()"));
    {
        migration_lock second{two, migration_lock::cluster::yes};
        EXPECT_EQ(second.take().error().code, errc::refused);
    }
    EXPECT_TRUE(first.renew()) << "who did not get it took nothing away";
    server_.query("UPDATE msd.schema_lock SET taken = taken - INTERVAL 1 DAY");
    migration_lock third{two, migration_lock::cluster::yes};
    EXPECT_TRUE(third.take()) << "it had run out";
    EXPECT_FALSE(first.renew());
}

// One connection is free, which reads the version. The migration needs a second one.
TEST(mysql_migrations_in_a_full_server, wait_for_a_connection_without_a_failed_call) {
    mariadb_server server{{.connections_max = 10}};
    std::vector<connection> others;
    for (int i = 0; i < 9; ++i) {
        others.push_back(connect(address_of(server)));
    }
    // No other connection can be opened to ask this.
    const auto turned_away = [&others] {
        store::mysql::query asked{
            others.front(),
            "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status "
            "WHERE variable_name = 'ABORTED_CONNECTS'"};
        EXPECT_TRUE(asked.next().value_or(false));
        return asked.integer(0);
    };
    loop on;
    store::store_settings chosen;
    chosen.executor = on.executor();
    chosen.server.url = server.url();
    chosen.server.password = mariadb_server::password;
    std::optional<result<std::int64_t>> added;
    const auto open_and_add = [&]() -> asio::awaitable<void> {
        const auto until = deadline::in(patience);
        auto goods = co_await store::open_goods(std::move(chosen), until);
        if (!goods) {
            added = tl::unexpected{goods.error()};
            co_return;
        }
        store::goods_fields nothing;
        added = co_await (*goods)->add(std::move(nothing), std::nullopt, until);
    };
    const std::int64_t before = turned_away();
    asio::co_spawn(on.context(), open_and_add, [](const std::exception_ptr& failed) {
        EXPECT_FALSE(failed);
    });
    on.run_until([&] { return added || turned_away() != before; });
    EXPECT_FALSE(added);
    others.clear();
    on.run_until([&added] { return added.has_value(); });
    EXPECT_TRUE(*added) << added->error().text;
}

} // namespace
} // namespace msd::test
