// SPDX-License-Identifier: Apache-2.0
#include "app/secret.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string_view>
#include <utility>

namespace msd::app {
namespace {

class secret : public testing::Test {
protected:
    secret() {
        auto name = (std::filesystem::temp_directory_path() / "msd-secret-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
    }
    ~secret() override { std::filesystem::remove_all(directory_); }

    result<std::string> read(const std::string& content, mode_t mode) {
        const auto file = directory_ / "password";
        std::ofstream{file, std::ios::binary} << content;
        ::chmod(file.c_str(), mode);
        return read_secret(file, "UNUSED", nothing);
    }

    static const char* nothing(const char*) { return nullptr; }

    std::filesystem::path directory_;
};

TEST_F(secret, is_the_content_of_the_file_without_the_line_end) {
    EXPECT_EQ(read(" p w\r\n\n", 0600).value(), " p w");
    EXPECT_EQ(read("p", 0400).value(), "p");
    EXPECT_EQ(read("p", 0640).value(), "p") << "a group may be allowed to read it";
}

TEST_F(secret, is_refused_from_a_file_that_others_can_read_or_change) {
    for (const mode_t mode : {0644, 0604, 0602, 0601, 0620, 0666}) {
        const auto taken = read("hush", mode);
        ASSERT_FALSE(taken) << std::oct << mode;
        EXPECT_EQ(taken.error().code, errc::invalid);
        EXPECT_EQ(taken.error().text.find("hush"), std::string::npos);
    }
}

TEST_F(secret, is_refused_when_empty_too_large_or_not_in_a_regular_file) {
    EXPECT_FALSE(read("", 0600));
    EXPECT_FALSE(read("\n", 0600));
    EXPECT_TRUE(read(std::string(secret_bytes_max, 'x'), 0600));
    EXPECT_FALSE(read(std::string(secret_bytes_max + 1, 'x'), 0600));
    EXPECT_FALSE(read_secret(directory_, "UNUSED", nothing));
    EXPECT_FALSE(read_secret(directory_ / "absent", "UNUSED", nothing));
}

TEST_F(secret, comes_from_the_environment_when_no_file_is_named) {
    const auto look_up = [](const char* name) -> const char* {
        return std::string_view{name} == "ONE" ? "word" : nullptr;
    };
    EXPECT_EQ(read_secret({}, "ONE", look_up).value(), "word");
    EXPECT_EQ(read_secret({}, "OTHER", look_up).value(), "");
}

TEST_F(secret, from_the_environment_loses_its_line_end) {
    for (const auto& [value, expected] :
         {std::pair{"word\n", "word"},
          {"word\r\n", "word"},
          {"word\n\n", "word\n"},
          {" word ", " word "},
          {"\n", ""},
          {"word\r", "word\r"}}) {
        const auto look_up = [value = value](const char* /*name*/) {
            return value;
        };
        EXPECT_EQ(read_secret({}, "ONE", look_up).value(), expected);
    }
}

TEST_F(secret, may_be_readable_for_all_in_a_file_of_root_that_is_not_writable) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can create a file of root";
    }
    EXPECT_EQ(read("mounted\n", 0444).value(), "mounted");
    EXPECT_FALSE(read("mounted", 0644)) << "its owner can change it";
    const auto file = directory_ / "password";
    ::chmod(file.c_str(), 0444);
    ASSERT_EQ(::chown(file.c_str(), 65534, 0), 0);
    EXPECT_FALSE(read_secret(file, "UNUSED", nothing)) << "its owner may make it writable again";
}

} // namespace
} // namespace msd::app
