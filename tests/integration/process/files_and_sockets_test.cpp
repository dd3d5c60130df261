// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "process/control_client.hpp"
#include "process/control_server.hpp"
#include "process/executable.hpp"
#include "process/inherited_worker.hpp"
#include "process/pid_file.hpp"
#include "process/unix_address.hpp"
#include "process/wait_until.hpp"
#include "process/worker_process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
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

// Creates a directory and removes it after the test.
class own_directory : public testing::Test {
protected:
    own_directory() {
        std::string path = testing::TempDir() + "msd-files-XXXXXX";
        EXPECT_NE(mkdtemp(path.data()), nullptr);
        path_ = path;
    }
    ~own_directory() override { fs::remove_all(path_); }
    [[nodiscard]] fs::path file(const std::string& name) const { return path_ / name; }

private:
    fs::path path_;
};

using pid_files = own_directory;
using control_sockets = own_directory;

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

// Serves until `question` has its result.
template <class Question>
auto while_served(control_server& server, Question question) {
    auto outcome = std::async(std::launch::async, question);
    while (outcome.wait_for(milliseconds{0}) != std::future_status::ready) {
        pollfd one{server.descriptor(), POLLIN, 0};
        if (poll(&one, 1, 5) > 0) {
            server.serve(clock::now());
        }
    }
    return outcome.get();
}

control_server::handler echo() {
    return [](std::string_view command) {
        return fmt::format("<{}>", command);
    };
}

unique_fd connected(const fs::path& path) {
    unique_fd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = unix_address(path);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address), 0);
    return fd;
}

std::string received_until_end(int fd, std::size_t bytes) {
    std::string text;
    std::array<char, 256> buffer{};
    while (text.size() < bytes) {
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            return text + "<end>";
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

TEST_F(control_sockets, are_accessible_for_owner_and_group_only) {
    const auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    struct stat facts {};
    ASSERT_EQ(stat(file("a.sock").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0660U);
}

TEST_F(control_sockets, answer_a_command) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const auto answer = while_served(*server, [path = file("a.sock")] {
        return ask_master(path, "hello", deadline::in(std::chrono::seconds{20}));
    });
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(*answer, "<hello>");
}

TEST_F(control_sockets, send_a_long_answer_to_a_slow_reader) {
    const std::string long_text(8u << 20, 'x');
    auto server =
        control_server::listen_at(file("a.sock"), [&](std::string_view) { return long_text; });
    ASSERT_TRUE(server);
    const auto answer = while_served(*server, [path = file("a.sock")] {
        return ask_master(path, "", deadline::in(std::chrono::seconds{20}));
    });
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(answer->size(), long_text.size());
}

TEST_F(control_sockets, answer_commands_that_arrive_together_or_in_pieces) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const unique_fd client = connected(file("a.sock"));
    const std::string text = while_served(*server, [&client] {
        send(client.get(), "a\nb\nc", 5, MSG_NOSIGNAL);
        const std::string first = received_until_end(client.get(), 8);
        send(client.get(), "d\n", 2, MSG_NOSIGNAL);
        return first + received_until_end(client.get(), 5);
    });
    EXPECT_EQ(text, "<a>\n<b>\n<cd>\n");
}

TEST_F(control_sockets, close_a_client_whose_command_is_too_long) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const unique_fd client = connected(file("a.sock"));
    const std::string endless(3 * control_server::command_bytes_max, 'x');
    const std::string text = while_served(*server, [&] {
        send(client.get(), endless.data(), endless.size(), MSG_NOSIGNAL);
        return received_until_end(client.get(), 1);
    });
    EXPECT_EQ(text, "<end>");
}

TEST_F(control_sockets, close_the_oldest_client_when_there_are_too_many) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    std::vector<unique_fd> clients;
    for (std::size_t i = 0; i <= control_server::clients_max; ++i) {
        clients.push_back(connected(file("a.sock")));
        server->serve(clock::now());
    }
    EXPECT_EQ(received_until_end(clients.front().get(), 1), "<end>");
    const std::string text = while_served(*server, [&clients] {
        send(clients.back().get(), "z\n", 2, MSG_NOSIGNAL);
        return received_until_end(clients.back().get(), 4);
    });
    EXPECT_EQ(text, "<z>\n");
}

TEST_F(control_sockets, close_an_idle_client) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const time_point now = clock::now();
    EXPECT_EQ(server->next_due(), time_point::max());
    const unique_fd client = connected(file("a.sock"));
    server->serve(now);
    EXPECT_EQ(server->next_due(), now + control_server::client_timeout);
    server->expire(now + control_server::client_timeout);
    EXPECT_EQ(server->next_due(), time_point::max());
    EXPECT_EQ(received_until_end(client.get(), 1), "<end>");
}

TEST_F(control_sockets, replace_the_socket_of_a_killed_master) {
    std::ofstream{file("a.sock")} << "x";
    EXPECT_TRUE(control_server::listen_at(file("a.sock"), echo()));
    EXPECT_FALSE(fs::exists(file("a.sock"))); // the server has removed it
}

TEST_F(control_sockets, distinguish_a_missing_socket_from_one_without_listener) {
    const deadline until = deadline::in(std::chrono::seconds{20});
    EXPECT_EQ(ask_master(file("none.sock"), "", until).error().code, errc::not_found);
    {
        const unique_fd bound{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const auto address = unix_address(file("left.sock"));
        ASSERT_EQ(
            bind(bound.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address),
            0
        );
    }
    EXPECT_EQ(ask_master(file("left.sock"), "", until).error().code, errc::refused);
}

TEST_F(control_sockets, time_out_when_the_master_does_not_answer) {
    const auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const auto answer = ask_master(file("a.sock"), "hello", deadline::in(milliseconds{20}));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::timeout);
}

TEST_F(control_sockets, report_a_path_that_is_too_long) {
    const fs::path longest = "/" + std::string(106, 'x');
    EXPECT_TRUE(unix_address(longest));
    const fs::path too_long = longest.native() + "x";
    const auto server = control_server::listen_at(too_long, echo());
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, errc::invalid);
    EXPECT_EQ(
        server.error().text,
        too_long.native() +
            ": 108 bytes, but the path of a socket has at most 107; choose a shorter --runtime-dir"
    );
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

TEST(private_memory, is_positive_for_this_process_and_zero_for_a_missing_one) {
    EXPECT_GT(private_memory_bytes(getpid()), 0U);
    EXPECT_EQ(private_memory_bytes(999'999'999), 0U);
}

} // namespace
} // namespace msd::process
