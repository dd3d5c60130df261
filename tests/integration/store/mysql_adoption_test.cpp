// SPDX-License-Identifier: Apache-2.0
// Tables that nodes of an existing deployment use beside msd, until `msd migrate --finish`.
#include "integration/store/existing_deployment.hpp"
#include "integration/store/loop.hpp"
#include "integration/store/mysql_test.hpp"
#include "store/goods_repository.hpp"
#include "store/members_repository.hpp"
#include "store/migrate.hpp"
#include "store/open.hpp"

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::test {
namespace {

using store::legacy_use;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string hash_of_ann = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"; // of "password"
constexpr auto add_ann =
    "INSERT INTO msd.members(username, password) VALUES ('Ann', PASSWORD('password'))";
constexpr auto collations_of_texts =
    "SELECT table_name, column_name, collation_name FROM information_schema.columns "
    "WHERE table_schema = 'msd' AND table_name IN ('goods', 'members') AND column_name IN ('name', "
    "'category', 'description', 'username', 'password') ORDER BY 1, 2";

class mysql_adoption : public testing::Test {
protected:
    store::store_settings settings() {
        store::store_settings chosen;
        chosen.executor = loop_.executor();
        chosen.server.url = server_.url();
        chosen.server.password = mariadb_server::password;
        chosen.server.legacy_time_zone = "+09:00";
        chosen.server.shared_with_legacy = shared_;
        return chosen;
    }

    static deadline soon() { return deadline::in(patience); }

    std::unique_ptr<store::members_repository> open_members() {
        auto opened = loop_.wait(store::open_members(settings(), soon()));
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }

    result<store::member_row> find(store::members_repository& in, std::string name) {
        return loop_.wait(in.find(std::move(name), soon()));
    }

    result<std::int64_t>
    add(store::members_repository& to, std::string name, store::member_hashes hashes) {
        return loop_.wait(to.add(std::move(name), std::move(hashes), std::nullopt, soon()));
    }

    // An existing node logs a member in.
    bool is_let_in(std::string_view username, std::string_view password) {
        return server_.value(fmt::format(
                   "SELECT COUNT(*) FROM msd.members WHERE username = '{}' "
                   "AND password = PASSWORD('{}')",
                   username,
                   password
               )) == "1";
    }

    std::vector<store::migration_report> migrate(store::migration_request wanted = {}) {
        auto done = store::migrate_all(settings(), wanted);
        EXPECT_TRUE(done) << done.error().text;
        return done.value_or(std::vector<store::migration_report>{});
    }

    // The state that an msd which did not record adoptions left behind.
    void forget_adoption() {
        server_.query("DROP TABLE msd.schema_adoption; "
                      "DELETE FROM msd.schema_version WHERE version > 3; "
                      "ALTER TABLE msd.members DROP COLUMN password_argon2id, "
                      "DROP COLUMN password_argon2id_of");
    }

    mariadb_server server_;
    loop loop_;
    std::optional<bool> shared_;
};

TEST_F(mysql_adoption, leaves_collations_and_uniqueness_as_they_were) {
    server_.query(existing_deployment);
    server_.query(add_ann);
    const auto before = server_.query(collations_of_texts);
    migrate();
    EXPECT_EQ(server_.query(collations_of_texts), before);

    const auto members = open_members();
    const auto ann = find(*members, "ANN");
    ASSERT_TRUE(ann) << ann.error().text;
    EXPECT_EQ(find(*members, "Ann")->id, ann->id);
    EXPECT_EQ(add(*members, "aNN", {"h", ""}).error().code, errc::conflict);
    EXPECT_EQ(loop_.wait(members->remove("ann", std::nullopt, soon())).value(), 1);
}

TEST_F(mysql_adoption, refuses_a_taken_name_without_a_unique_index) {
    server_.query(existing_deployment);
    server_.query("ALTER TABLE msd.members DROP KEY username");
    server_.query(add_ann);
    const auto members = open_members();
    EXPECT_EQ(add(*members, "ann", {"h", ""}).error().code, errc::conflict);
    EXPECT_TRUE(add(*members, "bob", {"h", ""}));
    server_.query(add_ann);
    EXPECT_TRUE(find(*members, "Ann")) << "existing nodes can add a name twice";
}

TEST_F(mysql_adoption, refuses_texts_that_the_character_set_does_not_have) {
    server_.query(existing_deployment);
    const auto members = open_members();
    const auto goods = loop_.wait(store::open_goods(settings(), soon()));
    ASSERT_TRUE(goods);
    // In utf8, which has at most three bytes a character, and in latin1.
    const std::string pen = "\U0001F58A";
    EXPECT_EQ(add(*members, pen, {"h", ""}).error().code, errc::malformed);
    EXPECT_EQ(find(*members, pen).error().code, errc::not_found);
    EXPECT_EQ(loop_.wait(members->remove(pen, std::nullopt, soon())).value(), 0);
    const auto add_goods = [&](const std::string& name) {
        store::goods_fields fields;
        fields.name = name;
        return loop_.wait((*goods)->add(std::move(fields), std::nullopt, soon()));
    };
    EXPECT_EQ(add_goods(pen).error().code, errc::malformed);
    EXPECT_EQ(add_goods("\uc5f0\ud544").error().code, errc::malformed);
    EXPECT_TRUE(add_goods("caf\u00e9")) << "the connection goes on";
    store::goods_query query;
    query.category = pen;
    const auto none = loop_.wait((*goods)->list(
        query,
        [](auto&, const auto&) {},
        soon()
    ));
    ASSERT_TRUE(none) << none.error().text;
    EXPECT_EQ(none->count, 0U);
}

TEST_F(mysql_adoption, keeps_the_hash_of_existing_nodes_and_one_of_its_own) {
    server_.query(existing_deployment);
    server_.query(add_ann);
    const auto members = open_members();
    EXPECT_TRUE(loop_.wait(members->is_shared_with_legacy(soon())).value());
    const auto ann = find(*members, "Ann");
    EXPECT_TRUE(ann->shared_with_legacy);
    EXPECT_EQ(ann->hashes.password, hash_of_ann);
    EXPECT_EQ(ann->hashes.argon2id, "");

    const store::member_hashes both{hash_of_ann, "$argon2id$x"};
    EXPECT_EQ(loop_.wait(members->rehash(ann->id, hash_of_ann, both, soon())).value(), 1);
    EXPECT_EQ(find(*members, "Ann")->hashes.argon2id, "$argon2id$x");
    EXPECT_TRUE(is_let_in("Ann", "password"));
    ASSERT_TRUE(add(*members, "bob", both));
    EXPECT_TRUE(is_let_in("bob", "password"));

    // An existing node, or a person, sets another password.
    server_.query("UPDATE msd.members SET password = PASSWORD('new') WHERE username = 'Ann'");
    EXPECT_EQ(find(*members, "Ann")->hashes.argon2id, "") << "it is of the old password";
}

TEST_F(mysql_adoption, keeps_whole_prices_for_existing_nodes_and_reads_theirs) {
    server_.query(existing_deployment);
    const auto goods = loop_.wait(store::open_goods(settings(), soon()));
    ASSERT_TRUE(goods);
    const auto price_of = [&](std::int64_t id) {
        return loop_.wait((*goods)->find(id, soon())).value().fields.price.text();
    };
    for (const auto& [exact, whole] :
         {std::pair{"4.15", "4"},
          {"0.4999", "0"},
          {"0.5", "1"},
          {"-0.5", "-1"},
          {"-0.4999", "0"},
          {"-7.25", "-7"},
          {"2147483647.4999", "2147483647"},
          {"900000000000000", "2147483647"},
          {"-900000000000000", "-2147483648"}}) {
        store::goods_fields fields;
        fields.price = money::parse(exact).value();
        const auto id = loop_.wait((*goods)->add(std::move(fields), std::nullopt, soon())).value();
        const auto row = fmt::format("FROM msd.goods WHERE id = {}", id);
        EXPECT_EQ(server_.value("SELECT price " + row), whole);
        EXPECT_EQ(price_of(id), exact);
    }
    server_.query("UPDATE msd.goods SET price = 8 WHERE id = 4");
    EXPECT_EQ(price_of(4), "8") << "another program has changed it";
}

TEST_F(mysql_adoption, does_not_apply_to_tables_that_msd_created) {
    migrate();
    EXPECT_FALSE(loop_.wait(open_members()->is_shared_with_legacy(soon())).value());
    for (const auto& report : migrate({.dry_run = true, .finish = true})) {
        EXPECT_EQ(report.use, legacy_use::none);
        EXPECT_THAT(report.finishing, IsEmpty());
    }
    shared_ = true;
    const auto members = open_members();
    EXPECT_TRUE(loop_.wait(members->is_shared_with_legacy(soon())).value()) << "it was asked for";
    ASSERT_TRUE(add(*members, "kim", {"h", ""}));
    EXPECT_TRUE(find(*members, "kim")->shared_with_legacy);
}

TEST_F(mysql_adoption, is_not_shared_when_the_key_says_false) {
    server_.query(existing_deployment);
    server_.query(add_ann);
    shared_ = false;
    const auto members = open_members();
    EXPECT_FALSE(loop_.wait(members->is_shared_with_legacy(soon())).value());
    EXPECT_FALSE(find(*members, "Ann")->shared_with_legacy);
}

TEST_F(mysql_adoption, is_recognized_when_an_earlier_msd_did_it) {
    migrate();
    forget_adoption();
    EXPECT_EQ(migrate()[1].use, legacy_use::none);
    EXPECT_EQ(server_.value("SELECT COUNT(*) FROM msd.schema_adoption WHERE state = 'none'"), "3");

    server_.query(existing_deployment);
    migrate();
    forget_adoption();
    EXPECT_EQ(migrate({.dry_run = true})[1].use, legacy_use::shared);
    const auto reports = migrate();
    EXPECT_FALSE(reports[1].adopts) << "it was adopted before";
    EXPECT_EQ(
        server_.value("SELECT COUNT(*) FROM msd.schema_adoption WHERE state = 'shared'"),
        "3"
    );

    // Where NULL is allowed, the index on the names remains.
    server_.query("DROP DATABASE msd; CREATE DATABASE msd; USE msd; CREATE TABLE members(id INT "
                  "NOT NULL AUTO_INCREMENT PRIMARY KEY, username VARCHAR(128) UNIQUE, "
                  "password VARCHAR(256))");
    migrate();
    forget_adoption();
    EXPECT_EQ(migrate()[1].use, legacy_use::shared);
}

TEST_F(mysql_adoption, is_finished_on_explicit_request) {
    server_.query(existing_deployment);
    server_.query(add_ann);
    auto members = open_members();
    const auto ann = find(*members, "ann");
    const store::member_hashes both{hash_of_ann, "$argon2id$x"};
    ASSERT_TRUE(loop_.wait(members->rehash(ann->id, hash_of_ann, both, soon())));
    migrate();
    const auto before = server_.query(collations_of_texts);

    const auto planned = migrate({.dry_run = true, .finish = true});
    EXPECT_THAT(
        planned[0].finishing,
        ElementsAre(HasSubstr("no longer use goods"), HasSubstr("convert goods"))
    );
    EXPECT_THAT(
        planned[1].finishing,
        ElementsAre(
            HasSubstr("no longer use members"),
            HasSubstr("convert members"),
            HasSubstr("keep only the argon2id hash of 1 members")
        )
    );
    EXPECT_THAT(planned[2].finishing, SizeIs(1));
    EXPECT_EQ(server_.query(collations_of_texts), before) << "nothing was changed";
    EXPECT_TRUE(loop_.wait(members->is_shared_with_legacy(soon())).value());

    migrate({.finish = true});
    EXPECT_THAT(
        server_.query(collations_of_texts),
        Not(Contains(Contains(testing::AnyOf("latin1_swedish_ci", "utf8mb3_general_ci"))))
    );
    EXPECT_FALSE(loop_.wait(members->is_shared_with_legacy(soon())).value()) << "without a restart";
    EXPECT_EQ(find(*members, "ANN").error().code, errc::not_found);
    EXPECT_EQ(find(*members, "Ann")->hashes.password, "$argon2id$x");
    EXPECT_EQ(find(*members, "Ann")->hashes.argon2id, "");
    EXPECT_EQ(
        find(*members, "\uc5f0\ud544")->hashes.password,
        "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"
    ) << "until its next login";
    ASSERT_TRUE(add(*members, "ann", {"h", ""}));

    for (const auto& report : migrate({.dry_run = true, .finish = true})) {
        const bool is_adopted = report.service != "stores";
        EXPECT_EQ(report.use, is_adopted ? legacy_use::finished : legacy_use::none);
        EXPECT_THAT(report.finishing, IsEmpty());
    }
}

TEST_F(mysql_adoption, continues_an_interrupted_finish) {
    server_.query(existing_deployment);
    server_.query("ALTER TABLE msd.members DROP KEY username");
    migrate();
    server_.query("UPDATE msd.schema_adoption SET state = 'finishing'");
    EXPECT_FALSE(loop_.wait(open_members()->is_shared_with_legacy(soon())).value());
    EXPECT_THAT(
        migrate({.finish = true})[1].finishing,
        ElementsAre(
            HasSubstr("which was interrupted"),
            HasSubstr("convert members"),
            HasSubstr("make usernames unique")
        )
    );
    EXPECT_EQ(migrate()[1].use, legacy_use::finished);
    const auto members = open_members();
    EXPECT_EQ(add(*members, "old", {"h", ""}).error().code, errc::conflict);
}

TEST_F(mysql_adoption, is_not_finished_while_names_repeat_or_the_key_says_true) {
    server_.query(existing_deployment);
    server_.query("ALTER TABLE msd.members DROP KEY username; "
                  "INSERT INTO msd.members(username, password) VALUES ('old', 'x'), ('OLD', 'x')");
    for (const bool dry_run : {true, false}) {
        const auto done = store::migrate_all(settings(), {.dry_run = dry_run, .finish = true});
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, errc::invalid);
        EXPECT_THAT(done.error().text, HasSubstr("1 usernames are in members more than once"));
    }
    EXPECT_EQ(server_.value("SELECT COUNT(*) FROM msd.members"), "4");
    EXPECT_EQ(
        server_.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'msd'"),
        "3"
    ) << "nothing was changed";
    shared_ = true;
    const auto done = store::migrate_all(settings(), {.finish = true});
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().text, HasSubstr("store.shared_with_legacy"));
}

} // namespace
} // namespace msd::test
