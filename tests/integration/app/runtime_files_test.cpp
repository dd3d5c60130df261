// SPDX-License-Identifier: Apache-2.0
#include "app/runtime_files.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace msd::app {
namespace {

namespace fs = std::filesystem;

// Each test runs in a new directory, which is removed afterwards.
class runtime_files_in : public testing::Test {
protected:
    runtime_files_in() : before_{fs::current_path()} {
        std::string path = testing::TempDir() + "msd-run-XXXXXX";
        EXPECT_NE(mkdtemp(path.data()), nullptr);
        root_ = path;
        fs::current_path(root_);
        chosen_.data_dir = "data";
        chosen_.runtime_dir = root_ / "run";
    }
    ~runtime_files_in() override {
        fs::current_path(before_);
        fs::remove_all(root_);
    }

    configuration chosen_;
    fs::path root_;

private:
    fs::path before_;
};

using runtime_files_test = runtime_files_in;

fs::perms mode_of(const fs::path& path) {
    return fs::status(path).permissions();
}

TEST_F(runtime_files_test, creates_a_private_data_directory_from_a_relative_name) {
    const auto files = claim_runtime_files(chosen_, "up-8000", verb::up);
    ASSERT_TRUE(files) << files.error().text;
    EXPECT_TRUE(fs::is_directory(root_ / "data"));
    EXPECT_EQ(mode_of(root_ / "data"), fs::perms::owner_all);
    EXPECT_EQ(mode_of(root_ / "run"), fs::perms::owner_all);
    EXPECT_TRUE(fs::exists(root_ / "run/up-8000.pid"));
    EXPECT_EQ(files->control_socket, root_ / "run/up-8000.sock");
}

TEST_F(runtime_files_test, creates_missing_parent_directories) {
    chosen_.data_dir = "a/b/data";
    ASSERT_TRUE(claim_runtime_files(chosen_, "goods-1", verb::service));
    EXPECT_TRUE(fs::is_directory(root_ / "a/b/data"));
}

TEST_F(runtime_files_test, does_not_change_an_existing_directory) {
    constexpr fs::perms readable{0755};
    fs::create_directory("data");
    fs::permissions("data", readable);
    ASSERT_TRUE(claim_runtime_files(chosen_, "up-8000", verb::up));
    EXPECT_EQ(mode_of("data"), readable);
}

TEST_F(runtime_files_test, refuses_directories_that_others_can_write_to) {
    for (const char* const name : {"data", "run"}) {
        fs::create_directory(name);
        for (const unsigned mode : {0770U, 0707U, 01777U}) {
            fs::permissions(name, fs::perms{mode});
            const auto files = claim_runtime_files(chosen_, "up-8000", verb::up);
            ASSERT_FALSE(files) << name;
            EXPECT_EQ(files.error().code, errc::denied);
            EXPECT_NE(files.error().text.find("then chmod go-w"), std::string::npos);
        }
        fs::remove(name);
    }
    EXPECT_FALSE(fs::exists("run/up-8000.pid"));
}

TEST_F(runtime_files_test, follows_a_link_of_the_user_to_a_directory) {
    fs::create_directories("elsewhere");
    fs::create_directory_symlink("elsewhere", "data");
    fs::create_directory_symlink("not/there/yet", "run");
    fs::create_directories("not/there");
    ASSERT_TRUE(claim_runtime_files(chosen_, "up-8000", verb::up));
    EXPECT_TRUE(fs::exists("not/there/yet"));
}

TEST_F(runtime_files_test, keep_the_lock_apart_from_the_pid_that_everybody_may_read) {
    const auto files = claim_runtime_files(chosen_, "up-8000", verb::up);
    ASSERT_TRUE(files);
    EXPECT_EQ(mode_of("run/up-8000.lock"), (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_F(runtime_files_test, creates_no_data_directory_for_a_role_without_data) {
    ASSERT_TRUE(claim_runtime_files(chosen_, "gateway-8000", verb::gateway));
    EXPECT_FALSE(fs::exists("data"));
}

TEST_F(runtime_files_test, creates_a_private_data_directory_for_a_runtime_directory_inside_it) {
    chosen_.runtime_dir = root_ / "data/run";
    ASSERT_TRUE(claim_runtime_files(chosen_, "gateway-8000", verb::gateway));
    EXPECT_EQ(mode_of("data"), fs::perms::owner_all);
}

TEST_F(runtime_files_test, refuses_a_second_instance_with_the_same_name) {
    const auto first = claim_runtime_files(chosen_, "up-8000", verb::up);
    const auto second = claim_runtime_files(chosen_, "up-8000", verb::up);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::conflict);
    EXPECT_TRUE(claim_runtime_files(chosen_, "up-8001", verb::up));
}

TEST_F(runtime_files_test, creates_nothing_when_the_path_of_the_socket_is_too_long) {
    chosen_.runtime_dir = root_ / std::string(100, 'x');
    const auto files = claim_runtime_files(chosen_, "up-8000", verb::up);
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().code, errc::invalid);
    EXPECT_NE(files.error().text.find("choose a shorter --runtime-dir"), std::string::npos);
    EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(runtime_files_test, names_the_directory_that_cannot_be_created) {
    std::ofstream{"data"} << "a file";
    const auto files = claim_runtime_files(chosen_, "up-8000", verb::up);
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().text, "data is not a directory");
}

TEST_F(runtime_files_test, finds_instances_by_their_sockets_sorted_by_name) {
    fs::create_directory("run");
    for (const char* const name : {"up-8000.sock", "goods-9010.sock", "goods-9010.pid"}) {
        std::ofstream{fs::path{"run"} / name} << "";
    }
    const auto found = find_instances(chosen_.runtime_dir);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].name, "goods-9010");
    EXPECT_EQ(found[1].name, "up-8000");
    EXPECT_EQ(found[1].path, root_ / "run/up-8000.sock");
}

TEST_F(runtime_files_test, are_not_searched_where_others_can_prepare_them) {
    chosen_.runtime_dir.clear();
    chosen_.data_dir = root_ / "data";
    const auto is_searched = [this] {
        const auto all = runtime_dirs_to_search(chosen_);
        return std::find(all.begin(), all.end(), root_ / "data/run") != all.end();
    };
    const bool is_root = geteuid() == 0; // root searches its own directory only
    fs::create_directories("data/run");
    fs::permissions("data/run", fs::perms{0755});
    EXPECT_EQ(is_searched(), !is_root);
    fs::permissions("data/run", fs::perms::all);
    EXPECT_FALSE(is_searched());
}

TEST_F(runtime_files_test, finds_no_instance_in_a_missing_directory) {
    EXPECT_TRUE(find_instances(chosen_.runtime_dir).empty());
}

} // namespace
} // namespace msd::app
