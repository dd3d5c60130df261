// SPDX-License-Identifier: Apache-2.0
#include "config/file.hpp"

#include <gtest/gtest.h>

namespace msd::config {
namespace {

TEST(configuration_text, reports_why_a_file_cannot_be_read) {
    const auto absent = read_text("/nonexistent/msd.toml");
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().text, "/nonexistent/msd.toml: No such file or directory");
    const auto directory = read_text("/");
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().text, "/: Is a directory");
}

TEST(configuration_text, is_refused_when_it_has_no_end) {
    const auto endless = read_text("/dev/zero");
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error().text, "/dev/zero: larger than 4194304 bytes");
}

} // namespace
} // namespace msd::config
