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

// `msd migrate` run by root before the first start of msd as another user.
TEST(private_file, created_by_root_belongs_to_the_owner_of_the_directory) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "takes root";
    }
    const temporary_directory in;
    ASSERT_TRUE(store::open_private_file(in.path() / "roots"));
    ASSERT_EQ(::chown(in.path().c_str(), somebody, somebody), 0);
    ASSERT_TRUE(store::open_private_file(in.path() / "new"));
    EXPECT_EQ(facts_of(in.path() / "new").st_uid, somebody);
    EXPECT_EQ(facts_of(in.path() / "new").st_gid, somebody);
    // An existing file is not changed, also when it is reached by a link of the user.
    std::filesystem::create_symlink(in.path() / "roots", in.path() / "link");
    ASSERT_TRUE(store::open_private_file(in.path() / "link"));
    EXPECT_EQ(facts_of(in.path() / "roots").st_uid, 0U);
}

} // namespace
} // namespace msd::test
