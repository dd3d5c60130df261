// SPDX-License-Identifier: Apache-2.0
#include "core/cluster_secrets.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

const std::string first_secret = "0123456789abcdef0123456789abcdef";
const std::string second_secret = "fedcba9876543210fedcba9876543210";

std::string problem_of(const std::string& text) {
    cluster_secrets secrets;
    const auto added = secrets.add(text);
    return added ? "" : added.error().text;
}

TEST(cluster_secrets, are_the_lines_of_a_file_in_their_order) {
    cluster_secrets secrets;
    const std::string text =
        "# new\r\n" + second_secret + "\r\n\n" + first_secret + " \t\n" + second_secret + "\n";
    ASSERT_TRUE(secrets.add(text));
    EXPECT_EQ(secrets.all(), (std::vector{second_secret, first_secret}));
    EXPECT_TRUE(cluster_secrets{}.empty());
}

TEST(cluster_secrets, of_a_file_without_a_line_end_are_read) {
    cluster_secrets secrets;
    ASSERT_TRUE(secrets.add(first_secret));
    ASSERT_TRUE(secrets.add(second_secret));
    EXPECT_EQ(secrets.all(), (std::vector{first_secret, second_secret}));
}

TEST(cluster_secrets, that_are_weak_are_refused_with_their_line) {
    const std::string short_one(31, 'a');
    EXPECT_NE(problem_of("\n" + short_one).find("line 2 has 31 characters"), std::string::npos);
    EXPECT_NE(problem_of(std::string(40, 'a')).find("line 1 has fewer than 8"), std::string::npos);
    EXPECT_NE(problem_of(first_secret + " x").find("contains a space"), std::string::npos);
    EXPECT_NE(problem_of(first_secret + "\x01").find("printable"), std::string::npos);
    EXPECT_NE(problem_of(first_secret + "\xC2\xB6").find("printable"), std::string::npos);
    EXPECT_NE(
        problem_of(std::string(1025, 'a') + first_secret).find("more than 1024"),
        std::string::npos
    );
    EXPECT_EQ(problem_of(first_secret), "");
}

TEST(cluster_secrets, are_never_repeated_in_an_error) {
    EXPECT_EQ(problem_of("hush-hush").find("hush"), std::string::npos);
}

TEST(cluster_secrets, have_a_bound) {
    std::string text;
    for (std::size_t i = 0; i < cluster_secrets::count_max; ++i) {
        text += first_secret + std::to_string(i) + "\n";
    }
    EXPECT_EQ(problem_of(text), "");
    EXPECT_NE(
        problem_of(text + second_secret).find("line 9 is one secret too many"),
        std::string::npos
    );
}

TEST(cluster_secrets, have_a_digest_that_changes_with_them) {
    cluster_secrets one;
    cluster_secrets both;
    cluster_secrets turned;
    ASSERT_TRUE(one.add(first_secret));
    ASSERT_TRUE(both.add(first_secret + "\n" + second_secret));
    ASSERT_TRUE(turned.add(second_secret + "\n" + first_secret));
    EXPECT_NE(one.digest(), both.digest());
    EXPECT_NE(both.digest(), turned.digest());
    EXPECT_TRUE(both.has(cluster_secrets::id_of(second_secret)));
    EXPECT_FALSE(one.has(cluster_secrets::id_of(second_secret)));
}

} // namespace
} // namespace msd::core
