// SPDX-License-Identifier: Apache-2.0
#include "integration/store/child_program.hpp"

#include "integration/store/temporary_directory.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace msd::test {

namespace {

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

} // namespace

bool eventually(const std::function<bool()>& condition, milliseconds limit) {
    const auto until = deadline::in(limit);
    while (!condition()) {
        if (until.passed()) {
            return false;
        }
        ::poll(nullptr, 0, 5);
    }
    return true;
}

char process_state(pid_t pid) {
    const auto text = content_of("/proc/" + std::to_string(pid) + "/stat");
    // The state comes after the name, which ends with the last parenthesis.
    const auto end = text.rfind(") ");
    return end == std::string::npos ? 'Z' : text[end + 2];
}

std::filesystem::path installed_program(const std::string& program, const std::string& package) {
    const char* const path = std::getenv("PATH");
    // Servers are installed in directories that a user's PATH may lack.
    std::istringstream folders{std::string{path != nullptr ? path : ""} + ":/usr/sbin:/usr/bin"};
    for (std::string folder; std::getline(folders, folder, ':');) {
        const auto file = std::filesystem::path{folder} / program;
        if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) {
            return file;
        }
    }
    throw std::runtime_error{
        "there is no " + program + ": install the Debian package " + package +
        ", or everything the tests need with scripts/setup --tests"};
}

nobody_ids ids_of_nobody() {
    const auto* const entry = ::getpwnam("nobody");
    if (entry == nullptr) {
        throw std::runtime_error{"this system has no user nobody"};
    }
    return {entry->pw_uid, entry->pw_gid};
}

child_program::child_program(
    std::vector<std::string> command,
    const std::filesystem::path& output,
    user as
) {
    const bool change_user = as == user::nobody && ::geteuid() == 0;
    const auto nobody = change_user ? ids_of_nobody() : nobody_ids{};
    std::vector<char*> arguments;
    for (auto& word : command) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    const unique_fd log{::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    const unique_fd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (!log || !nothing) {
        throw_errno(output.string());
    }
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) {
        throw_errno("fork");
    }
    if (pid_ == 0) {
        // Other threads may have held locks at the fork: only system calls are allowed here.
        ::setpgid(0, 0);
        // The user is changed first, because that resets the parent-death signal.
        if (change_user && (::setgroups(0, nullptr) != 0 || ::setgid(nobody.group) != 0 ||
                            ::setuid(nobody.user) != 0)) {
            ::_exit(126);
        }
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(nothing.get(), STDIN_FILENO);
        ::dup2(log.get(), STDOUT_FILENO);
        ::dup2(log.get(), STDERR_FILENO);
        if (::getppid() == parent) {
            ::execvp(arguments[0], arguments.data());
        }
        ::_exit(127);
    }
    ::setpgid(pid_, pid_);
}

child_program::~child_program() {
    // Programs started by the leader of the group may outlive it.
    ::kill(-pid_, SIGKILL);
    if (!status_) {
        ::waitpid(pid_, nullptr, 0);
    }
}

void child_program::signal(int number) const {
    if (!status_) {
        ::kill(pid_, number);
    }
}

bool child_program::ended() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return status_.has_value();
}

std::optional<int> child_program::wait(milliseconds limit) {
    [[maybe_unused]] const bool in_time = eventually([this] { return ended(); }, limit);
    return status_;
}

std::string run_program(std::vector<std::string> command, milliseconds limit) {
    const temporary_directory directory;
    const auto output = directory.path() / "output";
    const auto name = joined(command);
    child_program program{std::move(command), output};
    const auto code = program.wait(limit);
    auto text = content_of(output);
    if (code != 0) {
        const auto end = code ? "ended with " + std::to_string(*code) : "did not end in time";
        throw std::runtime_error{name + " " + end + ":\n" + text};
    }
    return text;
}

std::string tail_of(const std::filesystem::path& file, std::size_t lines) {
    const auto text = content_of(file);
    std::size_t at = text.size();
    for (std::size_t i = 0; i <= lines && at != std::string::npos && at > 0; ++i) {
        at = text.rfind('\n', at - 1);
    }
    return at == std::string::npos ? text : text.substr(at);
}

reserved_port::reserved_port() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket_.get(), generic, size) != 0 ||
        ::getsockname(socket_.get(), generic, &size) != 0) {
        throw_errno("no free port");
    }
    number_ = ntohs(address.sin_port);
}

} // namespace msd::test
