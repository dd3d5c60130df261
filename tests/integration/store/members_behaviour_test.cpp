// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

namespace msd::test {
namespace {

using store::idempotency;

class members_repository : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_members(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        members_ = std::move(*opened);
    }

    result<std::int64_t> add(std::string username, std::string hash = "hash") {
        store::member_hashes hashes{.password = std::move(hash), .argon2id = {}};
        return wait(members_->add(std::move(username), std::move(hashes), std::nullopt, soon()));
    }

    std::unique_ptr<store::members_repository> members_;
};

TEST_P(members_repository, finds_a_member_by_name) {
    const auto id = add("kim", "h1");
    ASSERT_TRUE(id);
    const auto found = wait(members_->find("kim", soon()));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, *id);
    EXPECT_EQ(found->hashes.password, "h1");
    EXPECT_EQ(found->hashes.argon2id, "");
    EXPECT_FALSE(found->shared_with_legacy) << "msd created the table";
    EXPECT_FALSE(wait(members_->is_shared_with_legacy(soon())).value());
}

TEST_P(members_repository, compares_names_byte_by_byte) {
    for (const auto* const name :
         {"kim", "Kim", "kim ", "k\u00edm", "ki\u0301m", "kím\U0001F600"}) {
        EXPECT_TRUE(add(name)) << name;
    }
    EXPECT_EQ(wait(members_->find("KIM", soon())).error().code, errc::not_found);
}

TEST_P(members_repository, refuses_a_name_that_is_taken) {
    const auto id = add("kim", "first");
    const auto again = add("kim", "second");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, errc::conflict);
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.password, "first");
    EXPECT_EQ(wait(members_->find("kim", soon()))->id, *id);
}

TEST_P(members_repository, treats_sql_in_a_name_as_text) {
    ASSERT_TRUE(add("test_account"));
    EXPECT_FALSE(wait(members_->find("test_account' -- ", soon())));
    ASSERT_TRUE(add("test_account' -- "));
    EXPECT_EQ(wait(members_->remove("x' OR '1'='1", std::nullopt, soon())).value(), 0);
    EXPECT_TRUE(wait(members_->find("test_account", soon())));
}

TEST_P(members_repository, allows_the_name_again_after_a_removal) {
    const auto id = add("kim");
    EXPECT_EQ(wait(members_->remove("kim", std::nullopt, soon())).value(), 1);
    EXPECT_EQ(wait(members_->remove("kim", std::nullopt, soon())).value(), 0);
    const auto anew = add("kim");
    ASSERT_TRUE(anew);
    EXPECT_GT(*anew, *id) << "ids are never used again";
}

TEST_P(members_repository, replaces_a_hash_only_if_it_is_unchanged) {
    const auto id = add("kim", "old");
    EXPECT_EQ(wait(members_->rehash(*id, "old", {"new", ""}, soon())).value(), 1);
    EXPECT_EQ(wait(members_->rehash(*id, "old", {"newer", ""}, soon())).value(), 0);
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.password, "new");
}

TEST_P(members_repository, keeps_a_second_hash_beside_the_first) {
    const auto id = wait(members_->add("kim", {"*AB", "$argon2id$1"}, std::nullopt, soon()));
    ASSERT_TRUE(id);
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.password, "*AB");
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.argon2id, "$argon2id$1");
    EXPECT_EQ(wait(members_->rehash(*id, "*AB", {"*CD", "$argon2id$2"}, soon())).value(), 1);
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.password, "*CD");
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.argon2id, "$argon2id$2");
    EXPECT_EQ(wait(members_->rehash(*id, "*CD", {"$argon2id$3", ""}, soon())).value(), 1);
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.password, "$argon2id$3");
    EXPECT_EQ(wait(members_->find("kim", soon()))->hashes.argon2id, "");
}

TEST_P(members_repository, recalls_the_outcome_recorded_under_a_key) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    EXPECT_EQ(wait(members_->recall(once, soon())).value(), std::nullopt);
    const auto added = wait(members_->add("kim", {"h", ""}, once, soon()));
    ASSERT_TRUE(added);
    EXPECT_EQ(wait(members_->recall(once, soon())).value(), *added);
    const idempotency other{.key = "k", .fingerprint = "g"};
    EXPECT_EQ(wait(members_->recall(other, soon())).error().code, errc::invalid);
    now_ms_ += store::idempotency_kept.count();
    EXPECT_EQ(wait(members_->recall(once, soon())).value(), std::nullopt);
}

TEST_P(members_repository, does_not_record_a_conflict) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    ASSERT_TRUE(add("kim"));
    EXPECT_FALSE(wait(members_->add("kim", {"h", ""}, once, soon())));
    EXPECT_EQ(wait(members_->recall(once, soon())).value(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(stores, members_repository, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
