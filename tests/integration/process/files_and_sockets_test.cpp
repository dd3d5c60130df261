// SPDX-License-Identifier: Apache-2.0
#include "base/private_memory.hpp"
#include "base/unique_fd.hpp"
#include "integration/process/own_directory.hpp"
#include "process/control_server.hpp"
#include "process/executable.hpp"
#include "process/inherited_worker.hpp"
#include "process/pid_file.hpp"
#include "process/unix_address.hpp"
#include "process/wait_until.hpp"
#include "process/worker_process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace msd::process {
namespace {

namespace fs = std::filesystem;

using pid_files = own_directory;

TEST_F(pid_files, contain_the_pid_of_the_process) {
    const auto claimed = pid_file::claim(file("a.pid"));
    ASSERT_TRUE(claimed);
    int pid = 0;
    std::ifstream{file("a.pid")} >> pid;
    EXPECT_EQ(pid, getpid());
}

TEST_F(pid_files, refuse_a_second_master_and_name_the_first) {
    const auto first = pid_file::claim(file("a.pid"));
    const auto second = pid_file::claim(file("a.pid"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::conflict);
    EXPECT_EQ(
        second.error().text,
        fmt::format("already running as pid {} ({})", getpid(), file("a.pid").native())
    );
}

TEST_F(pid_files, wait_for_a_master_that_ends) {
    auto first = pid_file::claim(file("a.pid"));
    ASSERT_TRUE(first);
    auto second = std::async(std::launch::async, [this] { return pid_file::claim(file("a.pid")); });
    EXPECT_EQ(second.wait_for(wait_step), std::future_status::timeout);
    { const pid_file ended = std::move(*first); }
    EXPECT_TRUE(second.get());
}

TEST_F(pid_files, replace_a_stale_file) {
    std::ofstream{file("a.pid")} << "999999999 and more than a pid\n";
    const auto claimed = pid_file::claim(file("a.pid"));
    ASSERT_TRUE(claimed);
    EXPECT_EQ(fs::file_size(file("a.pid")), std::to_string(getpid()).size() + 1);
}

TEST_F(pid_files, are_removed_by_their_owner) {
    { const auto claimed = pid_file::claim(file("a.pid")); }
    EXPECT_FALSE(fs::exists(file("a.pid")));
    EXPECT_TRUE(pid_file::claim(file("a.pid")));
}

TEST_F(pid_files, keep_their_lock_in_a_file_that_only_the_owner_can_open) {
    const auto claimed = pid_file::claim(file("a.pid"));
    ASSERT_TRUE(claimed);
    EXPECT_EQ(fs::status(file("a.lock")).permissions(), fs::perms{0600});
}

// Every user who can read a file can lock it.
TEST_F(pid_files, are_claimed_despite_a_lock_of_somebody_else_on_them) {
    std::ofstream{file("a.pid")} << "1\n";
    const unique_fd neighbour{open(file("a.pid").c_str(), O_RDONLY | O_CLOEXEC)};
    ASSERT_EQ(flock(neighbour.get(), LOCK_EX | LOCK_NB), 0);
    const auto claimed = pid_file::claim(file("a.pid"));
    ASSERT_TRUE(claimed) << claimed.error().text;
    EXPECT_FALSE(pid_file::claim(file("a.pid")));
}

// It has no lock file, but its control socket accepts connections.
TEST_F(pid_files, refuse_a_start_beside_a_master_of_an_earlier_version) {
    std::ofstream{file("a.pid")} << "4711\n";
    const unique_fd earlier{open(file("a.pid").c_str(), O_RDWR | O_CLOEXEC)};
    ASSERT_EQ(flock(earlier.get(), LOCK_EX | LOCK_NB), 0);
    {
        const auto server =
            control_server::listen_at(file("a.sock"), [](auto) { return std::string{}; });
        ASSERT_TRUE(server);
        const auto refused = pid_file::claim(file("a.pid"));
        ASSERT_FALSE(refused);
        EXPECT_EQ(
            refused.error().text,
            fmt::format("already running as pid 4711 ({})", file("a.pid").native())
        );
    }
    EXPECT_TRUE(pid_file::claim(file("a.pid")));
}

// A master of an earlier version locks the pid file, and must notice this one.
TEST_F(pid_files, are_locked_themselves_as_well) {
    const auto claimed = pid_file::claim(file("a.pid"));
    const unique_fd earlier{open(file("a.pid").c_str(), O_RDWR | O_CLOEXEC)};
    EXPECT_NE(flock(earlier.get(), LOCK_EX | LOCK_NB), 0);
}

// An upgrade from an earlier version hands over the pid file only.
TEST_F(pid_files, take_their_lock_when_they_are_handed_over) {
    std::ofstream{file("a.pid")} << getpid() << "\n";
    {
        const auto adopted = pid_file::adopt(
            file("a.pid"),
            unique_fd{open(file("a.pid").c_str(), O_RDWR | O_CLOEXEC)}
        );
        EXPECT_FALSE(pid_file::claim(file("a.pid")));
    }
    EXPECT_FALSE(fs::exists(file("a.lock")));
    EXPECT_TRUE(pid_file::claim(file("a.pid")));
}

TEST_F(pid_files, report_a_path_where_they_cannot_be_created) {
    const auto claimed = pid_file::claim(file("no/such/a.pid"));
    ASSERT_FALSE(claimed);
    EXPECT_EQ(claimed.error().text, file("no/such/a.pid").native() + ": No such file or directory");
}

TEST(executable, reports_why_a_worker_cannot_be_executed) {
    const auto program = executable::at("/etc/passwd");
    ASSERT_TRUE(program);
    worker_description description;
    description.pool = "goods";
    auto made = program->start({"goods"}, description);
    ASSERT_TRUE(made) << made.error().text;
    int status = 0;
    ASSERT_EQ(waitpid(made->pid, &status, 0), made->pid);
    EXPECT_EQ(exit_text(status), "exit code 71");
    worker_process worker;
    worker.control = std::move(made->control);
    const auto received = receive_messages(worker);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received.front().what, core::worker_message::kind::fatal);
    EXPECT_EQ(received.front().text, "cannot execute the worker: Permission denied");
}

TEST(executable, reports_a_missing_program) {
    const auto program = executable::at("/no/such/program");
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().text, "/no/such/program: No such file or directory");
}

TEST(exit_text, distinguishes_exit_codes_from_signals) {
    EXPECT_EQ(exit_text(3 << 8), "exit code 3");
    EXPECT_EQ(exit_text(SIGSEGV), "signal 11 (Segmentation fault)");
    EXPECT_EQ(exit_text(SIGABRT | 0x80), "signal 6 (Aborted), core dumped");
}

TEST(inherited_worker, is_empty_without_the_variable) {
    const auto own = inherited_worker();
    ASSERT_TRUE(own);
    EXPECT_FALSE(*own);
}

TEST(inherited_worker, refuses_descriptors_that_do_not_come_from_a_master) {
    setenv( // NOLINT(concurrency-mt-unsafe)
        worker_variable,
        "pool=a slot=0 workers=1 generation=1 master=1 control=3",
        1
    );
    const auto own = inherited_worker();
    unsetenv(worker_variable); // NOLINT(concurrency-mt-unsafe)
    ASSERT_FALSE(own);
    EXPECT_EQ(
        own.error().text,
        "MSD_WORKER: descriptor 3 is not a control channel (unset the variable to start a master)"
    );
}

TEST(private_memory, is_positive) {
    EXPECT_GT(private_memory_bytes(), 0U);
}

} // namespace
} // namespace msd::process
