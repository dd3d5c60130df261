// SPDX-License-Identifier: Apache-2.0
#include "app/complaint.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace msd::app {
namespace {

TEST(complaint, is_an_error_of_the_journal_in_each_of_its_lines) {
    EXPECT_EQ(with_error_priority("a\nb\n"), "<3>a\n<3>b\n");
    EXPECT_EQ(with_error_priority("a"), "<3>a");
    EXPECT_EQ(with_error_priority(""), "");
}

TEST(complaint, knows_the_journal_by_its_device_and_inode) {
    struct stat facts {};
    ASSERT_EQ(fstat(STDERR_FILENO, &facts), 0);
    const auto stream = fmt::format("{}:{}", facts.st_dev, facts.st_ino);
    EXPECT_TRUE(is_journal_stream(stream, STDERR_FILENO));
    EXPECT_FALSE(is_journal_stream(fmt::format("{}:{}", facts.st_dev, 0), STDERR_FILENO));
    EXPECT_FALSE(is_journal_stream("", STDERR_FILENO));
    EXPECT_FALSE(is_journal_stream(stream, -1));
}

} // namespace
} // namespace msd::app
