// SPDX-License-Identifier: Apache-2.0
#include "store/argon2id_cost.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>
#include <string>

namespace msd::store {
namespace {

constexpr std::string_view salt_and_digest = "$c2FsdHNhbHRzYWx0c2Fs$ZGlnZXN0L2RpZ2VzdCtkaWdlc3Q";

std::string hash_of(std::string_view parameters) {
    return fmt::format("$argon2id$v=19${}{}", parameters, salt_and_digest);
}

TEST(argon2id_cost, is_read_from_the_text) {
    const auto found = argon2id_cost_of(hash_of("m=19456,t=2,p=1"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->memory_kib, 19456U);
    EXPECT_EQ(found->passes, 2U);
    EXPECT_EQ(found->lanes, 1U);
}

TEST(argon2id_cost, is_accepted_up_to_twice_that_of_own_hashes) {
    EXPECT_TRUE(check_argon2id_cost(hash_of("m=19456,t=2,p=1")));
    EXPECT_TRUE(check_argon2id_cost(hash_of("m=38912,t=4,p=2")));
    for (const char* const above :
         {"m=38913,t=2,p=1",
          "m=19456,t=5,p=1",
          "m=19456,t=2,p=3",
          "m=4194304,t=2,p=1",
          "m=99999999999999999999,t=2,p=1",
          "m=8,t=4294967296,p=1"}) {
        const auto refused = check_argon2id_cost(hash_of(above));
        ASSERT_FALSE(refused) << above;
        EXPECT_EQ(refused.error().code, errc::too_large) << above;
    }
}

TEST(argon2id_cost, is_not_read_from_another_form) {
    const std::string good = hash_of("m=19456,t=2,p=1");
    for (const std::string& bad :
         {std::string{"$argon2id$"},
          std::string{"$argon2id$v=19$m=8,t=1,p=1"},
          good + "$",
          good + "$x",
          good + std::string(argon2id_bytes_max, 'A'),
          hash_of("m=,t=2,p=1"),
          hash_of("m=-1,t=2,p=1"),
          hash_of("m=08,t=2,p=1"),
          hash_of("m=8 ,t=2,p=1"),
          hash_of("t=2,m=8,p=1"),
          std::string{"$argon2id$v=16$m=8,t=1,p=1$c2Fs$ZGln"},
          std::string{"$argon2i$v=19$m=8,t=1,p=1$c2Fs$ZGln"}}) {
        EXPECT_FALSE(argon2id_cost_of(bad)) << bad;
    }
    EXPECT_EQ(check_argon2id_cost("$argon2id$x").error().code, errc::malformed);
}

} // namespace
} // namespace msd::store
