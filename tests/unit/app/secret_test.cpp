// SPDX-License-Identifier: Apache-2.0
#include "app/secret.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

const std::string first_secret = "0123456789abcdef0123456789abcdef";
const std::string second_secret = "fedcba9876543210fedcba9876543210";

class cluster_secret : public secret {
protected:
    std::string write(const char* name, const std::string& content, mode_t mode = 0600) {
        const auto file = directory_ / name;
        std::ofstream{file, std::ios::binary} << content;
        ::chmod(file.c_str(), mode);
        return file.string();
    }

    static result<std::vector<std::string>>
    take(const std::string& files, const environment_lookup& look_up = nothing) {
        configuration configured;
        configured.secret_files = files;
        if (auto taken = take_cluster_secrets(configured, look_up); !taken) {
            return tl::unexpected{std::move(taken.error())};
        }
        const auto& secrets = configured.membership.secrets;
        return secrets ? secrets->all() : std::vector<std::string>{};
    }
};

TEST_F(cluster_secret, comes_from_all_files_in_their_order) {
    const auto newer = write("newer", second_secret + "\n");
    const auto older = write("older", "# old\n" + first_secret + "\n", 0640);
    EXPECT_EQ(take(older).value(), std::vector{first_secret});
    EXPECT_EQ(take(newer + " , " + older).value(), (std::vector{second_secret, first_secret}));
    EXPECT_TRUE(take("").value().empty());
}

TEST_F(cluster_secret, comes_from_the_environment_when_no_file_is_named) {
    static const std::string lines = second_secret + "\n" + first_secret + "\n";
    const auto look_up = [](const char* name) -> const char* {
        return std::string_view{name} == registry_secret_variable ? lines.c_str() : nullptr;
    };
    EXPECT_EQ(take("", look_up).value(), (std::vector{second_secret, first_secret}));
    const auto file = write("file", first_secret);
    EXPECT_EQ(take(file, look_up).value(), std::vector{first_secret});
}

TEST_F(cluster_secret, that_cannot_be_used_is_reported_with_file_and_line) {
    const auto problem_of = [](const std::string& files) {
        const auto taken = take(files);
        return taken ? std::string{} : taken.error().text;
    };
    const auto weak = write("weak", first_secret + "\nhush\n");
    EXPECT_NE(
        problem_of(weak).find("secret file " + weak + ": line 2 has 4 characters"),
        std::string::npos
    ) << problem_of(weak);
    EXPECT_EQ(problem_of(weak).find("hush"), std::string::npos);
    EXPECT_NE(problem_of(write("open", first_secret, 0644)).find("other users"), std::string::npos);
    EXPECT_NE(problem_of(write("empty", "\n# none\n")).find("no secret"), std::string::npos);
    EXPECT_NE(problem_of((directory_ / "absent").string()).find("No such file"), std::string::npos);
    EXPECT_NE(
        problem_of(write("large", std::string(20'000, '\n'))).find("larger"),
        std::string::npos
    );
}

TEST_F(cluster_secret, has_a_digest_that_changes_with_the_file) {
    configuration configured;
    EXPECT_EQ(digest_of_secrets(configured), std::nullopt);
    configured.secret_files = write("file", first_secret);
    ASSERT_TRUE(take_cluster_secrets(configured, nothing));
    const auto before = digest_of_secrets(configured);
    ASSERT_TRUE(take_cluster_secrets(configured, nothing));
    EXPECT_EQ(digest_of_secrets(configured), before);
    write("file", second_secret);
    ASSERT_TRUE(take_cluster_secrets(configured, nothing));
    EXPECT_NE(digest_of_secrets(configured), before);
}

} // namespace
} // namespace msd::app
