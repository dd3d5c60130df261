// SPDX-License-Identifier: Apache-2.0
// A primary and a replica behind the goods repository.
#include "integration/store/loop.hpp"
#include "integration/store/mariadb_server.hpp"
#include "integration/store/mysql_test.hpp"
#include "store/goods_repository.hpp"
#include "store/open.hpp"
#include "store/open_transfer.hpp"

#include <asio/steady_timer.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msd::test {
namespace {

constexpr milliseconds lag_max{1000};
constexpr auto replicas_own = "from the replica";

class mysql_replicas : public testing::Test {
protected:
    mysql_replicas() { replica_.replicate(primary_); }

    // Repositories with one data directory act as workers on one machine.
    std::unique_ptr<store::goods_repository> open(const temporary_directory& machine) {
        auto chosen = settings(machine);
        auto opened = loop_.wait(store::open_goods(std::move(chosen), deadline::in(patience)));
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }

    store::store_settings settings(const temporary_directory& machine) {
        store::store_settings chosen;
        chosen.executor = loop_.executor();
        chosen.data_dir = machine.path() / "data";
        chosen.server.url = primary_.url();
        chosen.server.password = mariadb_server::password;
        chosen.server.replicas = replica_.address();
        chosen.server.replica_lag_max = lag_max;
        return chosen;
    }

    bool can_list(store::goods_repository& goods) {
        const store::goods_writer write = [](json::writer& out, const store::goods_view& row) {
            out.integer(row.id);
        };
        return loop_.wait(goods.list({}, write, deadline::in(patience))).has_value();
    }

    static store::goods_fields named(std::string name) {
        return {
            .name = std::move(name),
            .category = "c",
            .price = money::parse("1").value(),
            .description = "d"};
    }

    result<std::int64_t> add(store::goods_repository& goods, std::string name) {
        auto fields = named(std::move(name));
        return loop_.wait(goods.add(std::move(fields), std::nullopt, deadline::in(patience)));
    }

    // A change at the replica only, so that a read shows which server it used.
    void mark(std::int64_t id) {
        const auto where = " WHERE id = " + std::to_string(id);
        ASSERT_TRUE(eventually([&] {
            return replica_.value("SELECT COUNT(*) FROM information_schema.tables WHERE "
                                  "table_schema = 'msd' AND table_name = 'goods'") == "1" &&
                   replica_.value("SELECT COUNT(*) FROM goods" + where) == "1";
        }));
        replica_.query(
            "SET sql_log_bin = 0; UPDATE goods SET description = '" + std::string{replicas_own} +
            "'" + where
        );
    }

    result<store::goods_row> find(store::goods_repository& goods, std::int64_t id) {
        return loop_.wait(goods.find(id, deadline::in(patience)));
    }

    bool reads_from_replica(store::goods_repository& goods, std::int64_t id) {
        const auto row = find(goods, id);
        EXPECT_TRUE(row) << row.error().text;
        return row && row->fields.description == replicas_own;
    }

    bool soon_from_replica(store::goods_repository& goods, std::int64_t id) {
        return eventually([&] { return reads_from_replica(goods, id); });
    }

    bool soon_from_primary(store::goods_repository& goods, std::int64_t id) {
        return eventually([&] { return !reads_from_replica(goods, id); });
    }

    mariadb_server primary_{{.durable = true, .server_id = 1}};
    mariadb_server replica_{{.read_only = true, .server_id = 2}};
    temporary_directory machine_;
    loop loop_;
};

TEST_F(mysql_replicas, serve_reads_and_own_writes_are_visible) {
    const auto goods = open(machine_);
    const auto id = add(*goods, "first").value();
    mark(id);
    EXPECT_TRUE(soon_from_replica(*goods, id));
    auto changed = named("second");
    const store::goods_row row{.id = id, .fields = changed};
    ASSERT_TRUE(loop_.wait(goods->replace(row, std::nullopt, deadline::in(patience))));
    EXPECT_EQ(find(*goods, id)->fields.name, "second");
    EXPECT_EQ(find(*goods, id)->fields.description, "d");
}

TEST_F(mysql_replicas, are_not_read_for_recent_writes_of_another_worker) {
    const auto one = open(machine_);
    const auto other = open(machine_);
    const auto id = add(*one, "first").value();
    mark(id);
    ASSERT_TRUE(soon_from_replica(*other, id));
    replica_.query("STOP SLAVE SQL_THREAD");
    auto changed = named("second");
    const store::goods_row row{.id = id, .fields = changed};
    ASSERT_TRUE(loop_.wait(one->replace(row, std::nullopt, deadline::in(patience))));
    EXPECT_EQ(find(*other, id)->fields.name, "second");
    const auto added = add(*one, "third").value();
    EXPECT_EQ(find(*other, added)->fields.name, "third");
}

TEST_F(mysql_replicas, are_not_used_while_they_lag_too_far_behind) {
    const auto goods = open(machine_);
    const auto id = add(*goods, "first").value();
    mark(id);
    ASSERT_TRUE(soon_from_replica(*goods, id));
    replica_.query("STOP SLAVE SQL_THREAD");
    const temporary_directory elsewhere;
    const auto other = open(elsewhere);
    ASSERT_TRUE(add(*other, "second"));
    EXPECT_TRUE(soon_from_primary(*goods, id));
    for (int i = 0; i < 20; ++i) {
        EXPECT_FALSE(reads_from_replica(*goods, id)) << "it is not any nearer";
    }
    replica_.query("START SLAVE SQL_THREAD");
    EXPECT_TRUE(soon_from_replica(*goods, id));
}

TEST_F(mysql_replicas, keep_a_full_primary_as_primary) {
    const auto goods = open(machine_);
    ASSERT_TRUE(add(*goods, "first"));
    primary_.query("SET GLOBAL max_connections = 10"); // the minimum
    std::vector<store::mysql::connection> taken;
    for (;;) {
        auto one_more = store::mysql::connection::open(address_of(primary_));
        if (!one_more) {
            ASSERT_EQ(one_more.error().kind, store::mysql::failure_kind::full);
            break;
        }
        taken.push_back(std::move(*one_more));
    }
    constexpr milliseconds longer_than_a_look{1000};
    asio::steady_timer given_back{loop_.executor(), longer_than_a_look};
    given_back.async_wait([&taken](const asio::error_code&) { taken.clear(); });
    const temporary_directory elsewhere;
    const auto other = open(elsewhere);
    const auto added = add(*other, "second");
    EXPECT_TRUE(added) << added.error().text;
    EXPECT_TRUE(taken.empty()) << "it was full";
    EXPECT_TRUE(add(*goods, "third"));
}

TEST_F(mysql_replicas, never_hide_a_row_that_is_not_replicated_yet) {
    const auto goods = open(machine_);
    const auto first = add(*goods, "first").value();
    mark(first);
    ASSERT_TRUE(soon_from_replica(*goods, first));
    replica_.query("STOP SLAVE SQL_THREAD");
    const temporary_directory elsewhere;
    const auto other = open(elsewhere);
    const auto id = add(*other, "second").value();
    EXPECT_TRUE(find(*goods, id)) << "the primary is asked";
    EXPECT_EQ(find(*goods, id + 1).error().code, errc::not_found);
}

TEST_F(mysql_replicas, are_replaced_by_the_primary_when_they_are_killed) {
    const auto goods = open(machine_);
    const auto id = add(*goods, "first").value();
    mark(id);
    ASSERT_TRUE(soon_from_replica(*goods, id));
    replica_.kill();
    for (int i = 0; i < 50; ++i) {
        EXPECT_FALSE(reads_from_replica(*goods, id)) << "no read fails";
    }
    replica_.start();
    replica_.query("START SLAVE");
    EXPECT_TRUE(soon_from_replica(*goods, id));
}

TEST_F(mysql_replicas, are_replaced_by_the_primary_when_they_hang) {
    const auto goods = open(machine_);
    const auto id = add(*goods, "first").value();
    mark(id);
    ASSERT_TRUE(soon_from_replica(*goods, id));
    replica_.freeze();
    for (int i = 0; i < 50; ++i) {
        EXPECT_FALSE(reads_from_replica(*goods, id)) << "no read fails";
    }
    replica_.thaw();
    EXPECT_TRUE(soon_from_replica(*goods, id));
}

TEST_F(mysql_replicas, are_written_to_when_they_are_promoted) {
    const auto goods = open(machine_);
    const auto id = add(*goods, "first").value();
    mark(id);
    ASSERT_TRUE(soon_from_replica(*goods, id));
    primary_.kill();
    const auto lost = add(*goods, "lost");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, errc::unavailable) << lost.error().text;
    ASSERT_TRUE(eventually([&] { return find(*goods, id).has_value(); }));
    EXPECT_TRUE(eventually([&] {
        EXPECT_FALSE(add(*goods, "lost")) << "a replica takes none";
        return can_list(*goods);
    })) << "what was not written hides nothing";

    replica_.query("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0");
    std::int64_t second = 0;
    ASSERT_TRUE(eventually([&] {
        const auto added = add(*goods, "second");
        second = added.value_or(0);
        return added.has_value();
    }));
    EXPECT_EQ(find(*goods, second)->fields.name, "second");
    EXPECT_GT(second, id);

    // The old primary does not know about the promotion and accepts writes again.
    primary_.start();
    const temporary_directory elsewhere;
    const auto other = open(elsewhere);
    const auto third = add(*goods, "third").value();
    const auto fourth = add(*other, "fourth").value();
    const auto names = "SELECT GROUP_CONCAT(name ORDER BY id) FROM goods WHERE id IN (" +
                       std::to_string(third) + "," + std::to_string(fourth) + ")";
    EXPECT_EQ(replica_.value(names), "third,fourth");
    EXPECT_EQ(primary_.value("SELECT COUNT(*) FROM goods"), "1");

    // Commands do not use it as the primary either.
    auto both = store::open_transfer(settings(machine_), "goods", store::transfer_use::reading);
    ASSERT_TRUE(both) << both.error().text;
    EXPECT_EQ((*both)->count().value(), 4);
}

TEST_F(mysql_replicas, are_not_used_by_a_command_that_is_denied) {
    auto chosen = settings(machine_);
    chosen.server.password = "another";
    const auto denied = store::open_transfer(chosen, "goods", store::transfer_use::reading);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code, errc::invalid);
    EXPECT_NE(denied.error().text.find("1045"), std::string::npos) << denied.error().text;
}

TEST_F(mysql_replicas, are_not_written_to_only_because_they_are_writable) {
    replica_.query("SET GLOBAL read_only = 0");
    const auto goods = open(machine_);
    const auto id = add(*goods, "first").value();
    mark(id);
    ASSERT_TRUE(soon_from_replica(*goods, id));
    primary_.kill();
    for (int i = 0; i < 20; ++i) {
        EXPECT_FALSE(add(*goods, "lost"));
    }
    EXPECT_EQ(replica_.value("SELECT COUNT(*) FROM goods WHERE name = 'lost'"), "0");
    primary_.start();
    EXPECT_TRUE(eventually([&] { return add(*goods, "second").has_value(); }));
    EXPECT_EQ(primary_.value("SELECT COUNT(*) FROM goods WHERE name = 'second'"), "1");
}

} // namespace
} // namespace msd::test
