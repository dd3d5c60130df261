// SPDX-License-Identifier: Apache-2.0
#include "wire/http_field.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

TEST(idempotency_key, is_equal_with_and_without_quotes) {
    EXPECT_EQ(idempotency_key_of("k1"), "k1");
    EXPECT_EQ(idempotency_key_of("\"k1\""), "k1");
    for (const char* parameters : {";a", ";a=1", "; a=b;c", ";a=\"b;c, d\"", ";*a=?0;b=:YQ==:"}) {
        EXPECT_EQ(idempotency_key_of("\"k1\"" + std::string{parameters}), "k1") << parameters;
    }
    EXPECT_EQ(idempotency_key_of(R"("a\"b\\c")"), R"(a"b\c)");
    EXPECT_EQ(idempotency_key_of("\"a b, c\""), "a b, c");
    EXPECT_EQ(idempotency_key_of("8e03978e-40d5-43dd/x:y=;z+"), "8e03978e-40d5-43dd/x:y=;z+");
    EXPECT_EQ(idempotency_key_of(std::string(255, 'k')), std::string(255, 'k'));
    EXPECT_EQ(idempotency_key_of("\"" + std::string(255, 'k') + "\""), std::string(255, 'k'));
}

TEST(idempotency_key, is_refused_when_it_is_empty_long_or_malformed) {
    for (const char* bad :
         {"",
          "\"\"",
          "\"",
          "\"k1",
          "k1\"",
          "\"k1\"x",
          "\"k1\", \"k2\"",
          "\"k1\";a, \"k2\"",
          "\"k1\";",
          "\"k1\";;a",
          "\"k1\" ;a",
          "\"k1\";1",
          "\"k1\";A",
          "\"k1\";a b",
          "\"k1\";a=",
          "\"k1\";a=\"b",
          "k1, k2",
          "k1,k2",
          "k 1",
          "k\t1",
          "\"k\t1\"",
          R"("a\b")",
          R"("a\")",
          "k\xC3\xA9",
          "\"k\xC3\xA9\"",
          "\"k\x7F\""}) {
        EXPECT_EQ(idempotency_key_of(bad), std::nullopt) << bad;
    }
    EXPECT_EQ(idempotency_key_of(std::string(256, 'k')), std::nullopt);
    EXPECT_EQ(idempotency_key_of("\"" + std::string(256, 'k') + "\""), std::nullopt);
}

TEST(quoted_string, ends_at_the_first_quote_that_is_not_escaped) {
    EXPECT_EQ(quoted_string_bytes(R"("a"b)"), 3U);
    EXPECT_EQ(quoted_string_bytes(R"("a\"b"c)"), 6U);
    EXPECT_EQ(quoted_string_bytes(R"("\\")"), 4U);
    EXPECT_EQ(quoted_string_bytes("\"\t\xE9\""), 4U);
    for (const char* none : {"", "a", "\"", "\"a", R"("a\")", R"("a\)", "\"\x01\"", "\"\\\x01\""}) {
        EXPECT_EQ(quoted_string_bytes(none), 0U) << none;
    }
}

TEST(content_encoding, is_identity_in_any_case_and_number) {
    for (const char* identity : {"", "identity", "IDENTITY", "identity, identity", ", identity,"}) {
        EXPECT_TRUE(is_identity(identity)) << identity;
    }
    for (const char* other : {"gzip", "x-gzip", "identity, gzip", "gzip, identity", "identityx"}) {
        EXPECT_FALSE(is_identity(other)) << other;
    }
}

} // namespace
} // namespace msd::wire
