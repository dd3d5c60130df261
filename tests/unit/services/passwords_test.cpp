// SPDX-License-Identifier: Apache-2.0
#include "little_memory.hpp"
#include "services/members/passwords.hpp"

#include <array>
#include <gtest/gtest.h>
#include <sodium.h>

namespace msd::services {
namespace {

class passwords : public testing::Test {
protected:
    void SetUp() override { ASSERT_GE(sodium_init(), 0); }
};

TEST_F(passwords, are_hashed_with_argon2id_of_the_agreed_cost) {
    const auto hash = hash_password("geheim");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
    EXPECT_NE(*hash, hash_password("geheim").value()) << "salted";
}

TEST_F(passwords, are_right_only_when_equal) {
    const auto hash = hash_password("geheim").value();
    EXPECT_EQ(check_password("geheim", hash), verdict::right);
    EXPECT_EQ(check_password("Geheim", hash), verdict::wrong);
    EXPECT_EQ(check_password("", hash), verdict::wrong);
    EXPECT_EQ(check_password(std::string{"geheim\0x", 8}, hash), verdict::wrong);
}

TEST_F(passwords, of_old_deployments_are_checked_and_then_due_for_a_new_hash) {
    // The result of PASSWORD('password') in MySQL.
    const std::string old = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19";
    EXPECT_EQ(check_password("password", old), verdict::right_rehash);
    EXPECT_EQ(check_password("Password", old), verdict::wrong);
    const std::string lower = "*2470c0c06dee42fd1618bb99005adca2ec9d1e19";
    EXPECT_EQ(check_password("password", lower), verdict::right_rehash);
}

TEST_F(passwords, are_hashed_for_existing_nodes_as_mysql_does) {
    // SELECT PASSWORD('password'), PASSWORD('연필') of MariaDB with utf8mb4.
    EXPECT_EQ(legacy_hash("password").value(), "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
    EXPECT_TRUE(is_legacy_hash(legacy_hash("\uc5f0\ud544").value()));
    EXPECT_FALSE(is_legacy_hash(hash_password("password").value()));
    EXPECT_FALSE(is_legacy_hash("5d2e19393cc5ef67"));
}

TEST_F(passwords, hashed_at_another_cost_are_due_for_a_new_hash) {
    std::array<char, crypto_pwhash_STRBYTES> cheap{};
    ASSERT_EQ(crypto_pwhash_str(cheap.data(), "geheim", 6, 1, 8192 * 1024), 0);
    EXPECT_EQ(check_password("geheim", cheap.data()), verdict::right_rehash);
}

TEST_F(passwords, in_other_forms_are_not_checked) {
    for (const auto* const hash :
         {"5d2e19393cc5ef67",
          "",
          "password",
          "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1",
          "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1EZZ",
          "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E199"}) {
        EXPECT_EQ(check_password("password", hash), verdict::unreadable) << hash;
    }
}

// Of an import or an existing deployment: checking it could need gigabytes or hours.
TEST_F(passwords, hashed_at_too_high_a_cost_are_not_checked) {
    std::array<char, crypto_pwhash_STRBYTES> costly{};
    constexpr std::size_t bytes = std::size_t{39} << 20;
    ASSERT_EQ(crypto_pwhash_str(costly.data(), "geheim", 6, 1, bytes), 0);
    EXPECT_EQ(check_password("geheim", costly.data()), verdict::unreadable);
    ASSERT_EQ(crypto_pwhash_str(costly.data(), "geheim", 6, 5, 8192 * 1024), 0);
    EXPECT_EQ(check_password("geheim", costly.data()), verdict::unreadable);
}

TEST_F(passwords, never_match_for_an_unknown_member) {
    EXPECT_EQ(check_without_member("password"), verdict::wrong);
}

TEST_F(passwords, are_neither_right_nor_wrong_without_memory_to_check_them) {
    const auto hash = hash_password("geheim").value();
    const test::little_memory while_it_lasts;
    for (const auto* const given : {"geheim", "Geheim"}) {
        const auto checked = check_password(given, hash);
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().code, errc::unavailable);
    }
    EXPECT_FALSE(check_without_member("geheim"));
    EXPECT_FALSE(hash_password("geheim"));
}

} // namespace
} // namespace msd::services
