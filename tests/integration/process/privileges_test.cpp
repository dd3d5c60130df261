// SPDX-License-Identifier: Apache-2.0
// Real changes of user, each in a separate process. They need root; without root they are skipped,
// and fail when the variable CI is set.
#include "base/unique_fd.hpp"
#include "process/limits.hpp"
#include "process/privileges.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <pwd.h>
#include <string>

namespace msd::process {
namespace {

namespace fs = std::filesystem;

// Runs `body` in a child process, which may change its user, and returns its result.
std::string said_elsewhere(const std::function<std::string()>& body) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
        const std::string text = body();
        [[maybe_unused]] const auto written = write(ends[1], text.data(), text.size());
        _exit(0);
    }
    close(ends[1]);
    std::array<char, 1024> buffer{};
    std::string text;
    for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return text;
}

class privileges : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0 && std::getenv("CI") == nullptr) { // NOLINT(concurrency-mt-unsafe)
            GTEST_SKIP() << "needs root";
        }
        ASSERT_EQ(geteuid(), 0U) << "needs root";
        std::string path = testing::TempDir() + "msd-privileges-XXXXXX";
        ASSERT_NE(mkdtemp(path.data()), nullptr);
        root_ = path;
        const passwd* const entry = getpwnam("nobody"); // NOLINT(concurrency-mt-unsafe)
        ASSERT_NE(entry, nullptr);
        nobody_ = {entry->pw_uid, entry->pw_gid, "nobody", "nobody"};
    }

    void TearDown() override {
        if (!root_.empty()) {
            fs::remove_all(root_);
        }
    }

    [[nodiscard]] fs::path make_file(const fs::path& name) const {
        std::ofstream{root_ / name} << "x";
        return root_ / name;
    }

    [[nodiscard]] uid_t owner(const fs::path& path) const {
        struct stat facts {};
        EXPECT_EQ(lstat(path.c_str(), &facts), 0) << path;
        return facts.st_uid;
    }

    fs::path root_;
    identity nobody_;
};

TEST_F(privileges, are_given_up_completely_and_permanently) {
    const std::string text = said_elsewhere([this] {
        const auto done = become(nobody_);
        if (!done) {
            return done.error().text;
        }
        std::array<uid_t, 3> users{};
        std::array<gid_t, 3> groups{};
        getresuid(&users[0], &users[1], &users[2]);
        getresgid(&groups[0], &groups[1], &groups[2]);
        std::array<gid_t, 64> further{};
        const int count = getgroups(static_cast<int>(further.size()), further.data());
        bool has_root = false;
        for (int i = 0; i < count; ++i) {
            has_root = has_root || further.at(static_cast<std::size_t>(i)) == 0;
        }
        return fmt::format(
            "{} {} root group {} back {} {}",
            users == std::array{nobody_.user, nobody_.user, nobody_.user},
            groups == std::array{nobody_.group, nobody_.group, nobody_.group},
            has_root,
            setuid(0) == 0,
            setgid(0) == 0
        );
    });
    EXPECT_EQ(text, "true true root group false back false false");
}

TEST_F(privileges, cannot_be_given_up_by_an_unprivileged_process) {
    const std::string text = said_elsewhere([this] {
        const auto first = become(nobody_);
        const auto second = become({1, 1, "daemon", "daemon"});
        return first && !second ? second.error().text : "it went well";
    });
    EXPECT_EQ(text, "cannot become user daemon: its groups: Operation not permitted");
}

TEST_F(privileges, cannot_be_gained_afterwards) {
    const std::string text = said_elsewhere([] {
        forbid_new_privileges();
        return fmt::format("{}", prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L));
    });
    EXPECT_EQ(text, "1");
}

TEST_F(privileges, find_users_and_groups_by_name_and_number) {
    const auto by_name = find_identity("nobody", "");
    ASSERT_TRUE(by_name && *by_name);
    EXPECT_EQ((*by_name)->user, nobody_.user);
    EXPECT_EQ((*by_name)->group, nobody_.group);
    const auto by_number = find_identity(std::to_string(nobody_.user), "daemon");
    ASSERT_TRUE(by_number && *by_number);
    EXPECT_EQ((*by_number)->user, nobody_.user);
    EXPECT_EQ((*by_number)->user_name, "nobody");
    EXPECT_EQ((*by_number)->group, 1U);
    const auto of_nobody = find_identity("54321", "54322");
    ASSERT_TRUE(of_nobody && *of_nobody);
    EXPECT_EQ((*of_nobody)->user, 54321U);
    EXPECT_EQ((*of_nobody)->group, 54322U);
}

TEST_F(privileges, are_kept_when_no_user_or_root_is_named) {
    for (const char* const name : {"", "root", "0"}) {
        const auto found = find_identity(name, "");
        ASSERT_TRUE(found) << name;
        EXPECT_FALSE(*found) << name;
    }
}

TEST_F(privileges, refuse_unknown_users_and_groups) {
    for (const auto& [user, group, text] : {
             std::array{"no-such-user", "", "user: there is no user 'no-such-user'"},
             std::array{"nobody", "no-such-group", "group: there is no group 'no-such-group'"},
             std::array{"", "daemon", "group: needs a user, too"},
             std::array{
                 "54321",
                 "",
                 "user: there is no user with the number 54321, so a group is needed, too"},
             std::array{"4294967295", "", "user: there is no user '4294967295'"},
             std::array{"-1", "", "user: there is no user '-1'"},
         }) {
        const auto found = find_identity(user, group);
        ASSERT_FALSE(found) << user;
        EXPECT_EQ(found.error().code, errc::invalid);
        EXPECT_EQ(found.error().text, text);
    }
}

TEST_F(privileges, allow_only_root_to_switch_to_another_user) {
    const std::string text = said_elsewhere([this] {
        const auto done = become(nobody_);
        const auto own = find_identity("nobody", "");
        const auto other = find_identity("daemon", "");
        return fmt::format(
            "{} {} {}",
            done.has_value(),
            own && !*own,
            other ? "" : other.error().text
        );
    });
    EXPECT_EQ(
        text,
        fmt::format(
            "true true user: only root can switch to another user; this process has user {} and "
            "group {}, not user 1 and group 1",
            nobody_.user,
            nobody_.group
        )
    );
}

TEST_F(privileges, over_a_directory_of_root_and_its_contents_are_passed_to_the_user) {
    fs::create_directories(root_ / "data/logs");
    const fs::path top = make_file("data/goods.db");
    const fs::path inner = make_file("data/logs/a");
    give_directory(root_ / "data", 0700, given::always, nobody_);
    for (const fs::path& each : {root_ / "data", root_ / "data/logs", top, inner}) {
        EXPECT_EQ(owner(each), nobody_.user) << each;
    }
}

TEST_F(privileges, over_files_that_others_linked_into_a_directory_are_not_passed) {
    fs::create_directories(root_ / "data");
    const fs::path secret = make_file("secret");
    fs::create_hard_link(secret, root_ / "data/hard");
    fs::create_symlink(secret, root_ / "data/soft");
    fs::create_directories(root_ / "elsewhere");
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "data/way");
    give_directory(root_ / "data", 0700, given::always, nobody_);
    EXPECT_EQ(owner(root_ / "data"), nobody_.user);
    EXPECT_EQ(owner(secret), 0U);
    EXPECT_EQ(owner(root_ / "elsewhere"), 0U);
}

TEST_F(privileges, over_a_link_in_place_of_a_directory_are_not_passed) {
    fs::create_directories(root_ / "elsewhere");
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "data");
    give_directory(root_ / "data", 0700, given::always, nobody_);
    EXPECT_EQ(owner(root_ / "elsewhere"), 0U);
}

// The user could have exchanged a directory above it for a link to another one.
TEST_F(privileges, over_a_directory_whose_path_another_user_can_change_are_not_passed) {
    fs::create_directories(root_ / "elsewhere/data");
    fs::permissions(root_ / "elsewhere/data", fs::perms::owner_all);
    fs::create_directories(root_ / "own");
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "own/link");
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "of_root");
    ASSERT_EQ(lchown((root_ / "own/link").c_str(), nobody_.user, nobody_.group), 0);
    ASSERT_EQ(chown((root_ / "own").c_str(), nobody_.user, nobody_.group), 0);
    give_directory(root_ / "own/link/data", 0700, given::when_private, nobody_);
    give_directory(root_ / "own/new", 0700, given::when_private, nobody_);
    give_file(root_ / "own/link/a.log", nobody_);
    EXPECT_EQ(owner(root_ / "elsewhere/data"), 0U);
    EXPECT_FALSE(fs::exists(root_ / "own/new"));
    EXPECT_FALSE(fs::exists(root_ / "elsewhere/a.log"));
    give_directory(root_ / "of_root/data", 0700, given::when_private, nobody_);
    EXPECT_EQ(owner(root_ / "elsewhere/data"), nobody_.user);
}

TEST_F(privileges, over_a_new_directory_are_passed_with_missing_parents_that_stay_roots) {
    give_directory(root_ / "a/b/data", 0700, given::when_private, nobody_);
    EXPECT_EQ(owner(root_ / "a/b"), 0U);
    EXPECT_EQ(owner(root_ / "a/b/data"), nobody_.user);
    fs::create_directories(root_ / "open");
    give_directory(root_ / "open", 0700, given::when_private, nobody_);
    EXPECT_EQ(owner(root_ / "open"), 0U);
}

TEST_F(privileges, over_a_log_file_are_passed_where_only_root_can_create_it) {
    give_file(root_ / "new.log", nobody_);
    EXPECT_EQ(owner(root_ / "new.log"), nobody_.user);
    EXPECT_EQ(fs::status(root_ / "new.log").permissions(), fs::perms{0600});
    const fs::path old = make_file("old.log");
    give_file(old, nobody_);
    EXPECT_EQ(owner(old), nobody_.user);
}

TEST_F(privileges, over_a_link_in_place_of_a_log_file_are_not_passed) {
    const fs::path secret = make_file("secret");
    fs::create_symlink(secret, root_ / "soft.log");
    fs::create_hard_link(secret, root_ / "hard.log");
    give_file(root_ / "soft.log", nobody_);
    give_file(root_ / "hard.log", nobody_);
    EXPECT_EQ(owner(secret), 0U);
}

TEST_F(privileges, over_files_in_a_directory_of_another_user_are_not_passed) {
    fs::create_directories(root_ / "own");
    const fs::path file = make_file("own/a.log");
    ASSERT_EQ(chown((root_ / "own").c_str(), nobody_.user, nobody_.group), 0);
    give_file(file, nobody_);
    give_file(root_ / "own/new.log", nobody_);
    EXPECT_EQ(owner(file), 0U);
    EXPECT_FALSE(fs::exists(root_ / "own/new.log"));
}

TEST(limits, of_open_files_are_raised_to_the_hard_limit) {
    const std::string text = said_elsewhere([] {
        rlimit now{};
        getrlimit(RLIMIT_NOFILE, &now);
        now.rlim_cur = 64;
        setrlimit(RLIMIT_NOFILE, &now);
        raise_descriptor_limit();
        const rlim_t most = now.rlim_max;
        getrlimit(RLIMIT_NOFILE, &now);
        return fmt::format("{}", now.rlim_cur == most);
    });
    EXPECT_EQ(text, "true");
}

TEST(limits, of_cores_follow_the_configuration) {
    const std::string text = said_elsewhere([] {
        rlimit now{};
        getrlimit(RLIMIT_CORE, &now);
        const rlim_t most = now.rlim_max;
        prctl(PR_SET_DUMPABLE, 0L);
        allow_core_dumps(true);
        getrlimit(RLIMIT_CORE, &now);
        const bool raised = now.rlim_cur == most;
        const int dumpable = prctl(PR_GET_DUMPABLE);
        allow_core_dumps(false);
        getrlimit(RLIMIT_CORE, &now);
        return fmt::format("{} {} {} {}", raised, dumpable, now.rlim_cur, now.rlim_max == most);
    });
    EXPECT_EQ(text, "true 1 0 true");
}

} // namespace
} // namespace msd::process
