// SPDX-License-Identifier: Apache-2.0
#include "integration/store/temporary_directory.hpp"
#include "store/data_directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <gtest/gtest.h>

namespace msd::test {
namespace {

constexpr uid_t somebody = 65'534;

struct stat facts_of(const std::filesystem::path& file) {
    struct stat facts {};
    EXPECT_EQ(::stat(file.c_str(), &facts), 0) << file;
    return facts;
}

TEST(private_file, is_accessible_to_its_creator_only) {
    const temporary_directory in;
    ASSERT_TRUE(store::open_private_file(in.path() / "a"));
    EXPECT_EQ(facts_of(in.path() / "a").st_mode & 0777U, 0600U);
    EXPECT_EQ(facts_of(in.path() / "a").st_uid, geteuid());
}

TEST(private_file, is_not_in_a_directory_of_another_user_or_one_that_others_can_write_to) {
    const temporary_directory in;
    const auto file = in.path() / "a";
    for (const mode_t mode : {0770U, 0707U, 01777U}) {
        ASSERT_EQ(::chmod(in.path().c_str(), mode), 0);
        const auto refused = store::open_private_file(file);
        ASSERT_FALSE(refused) << mode;
        EXPECT_EQ(refused.error().code, errc::denied);
        EXPECT_EQ(store::create_private_file(file).error().code, errc::denied);
    }
    ASSERT_EQ(::chmod(in.path().c_str(), 0755U), 0);
    if (geteuid() == 0) {
        ASSERT_EQ(::chown(in.path().c_str(), somebody, somebody), 0);
        const auto refused = store::open_private_file(file);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, errc::denied);
    }
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(private_file, is_not_a_link_or_fifo_and_cannot_be_written_by_others) {
    const temporary_directory in;
    ASSERT_TRUE(store::open_private_file(in.path() / "victim"));
    std::filesystem::create_symlink("victim", in.path() / "link");
    ASSERT_EQ(::mkfifo((in.path() / "fifo").c_str(), 0600), 0);
    ASSERT_TRUE(store::open_private_file(in.path() / "open"));
    ASSERT_EQ(::chmod((in.path() / "open").c_str(), 0620), 0);
    for (const char* const name : {"link", "fifo", "open"}) {
        EXPECT_FALSE(store::open_private_file(in.path() / name)) << name;
        EXPECT_EQ(store::check_private_file(in.path() / name).error().code, errc::denied) << name;
    }
}

// Whoever can open a file can lock it.
TEST(private_file, loses_the_permission_of_others_to_read_it) {
    const temporary_directory in;
    ASSERT_TRUE(store::open_private_file(in.path() / "a"));
    ASSERT_EQ(::chmod((in.path() / "a").c_str(), 0644), 0);
    ASSERT_TRUE(store::open_private_file(in.path() / "a"));
    EXPECT_EQ(facts_of(in.path() / "a").st_mode & 0777U, 0600U);
}

} // namespace
} // namespace msd::test
