// SPDX-License-Identifier: Apache-2.0
#include "process/upgrade_check.hpp"

#include "base/printable.hpp"
#include "process/takeover.hpp"
#include "process/worker_process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

constexpr std::size_t reason_bytes_max = 500;
constexpr int reads_at_once_max = 16;

tl::unexpected<error> system_failure(std::string_view what) {
    return fail(
        errc::unavailable,
        fmt::format("{}: {}", what, std::generic_category().message(errno))
    );
}

// Prepared before the fork, because the child makes system calls only.
struct question {
    int program;
    int output;
    int state;
    int config;
    char* const* arguments;
    char* const* variables;
};

[[noreturn]] void put(const question& asked) {
    setpgid(0, 0); // so that the processes it starts can be killed with it
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGPIPE, SIG_DFL);
    if (const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC); nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
    }
    dup2(asked.output, STDOUT_FILENO);
    dup2(asked.output, STDERR_FILENO);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : {asked.state, asked.config}) {
        fcntl(fd, F_SETFD, 0);
    }
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    execveat(asked.program, "", asked.arguments, asked.variables, AT_EMPTY_PATH);
    // A script cannot be executed through a descriptor that is closed on exec: its interpreter
    // has no path to open it by.
    const char* const reason = errno == ENOENT
                                   ? "it is a script, or the loader it names is missing"
                                   : strerrordesc_np(errno); // no allocation, unlike strerror
    for (const char* const text : {"it cannot be executed: ", reason != nullptr ? reason : "?"}) {
        [[maybe_unused]] const auto written = write(STDOUT_FILENO, text, std::strlen(text));
    }
    _exit(exit_exec_failed);
}

std::string_view last_line(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.remove_suffix(1);
    }
    const auto before = text.rfind('\n');
    return text.substr(before == std::string_view::npos ? 0 : before + 1, reason_bytes_max);
}

} // namespace

result<upgrade_check>
upgrade_check::ask(executable program, int state, int config, milliseconds timeout) {
    std::array<int, 2> pair{};
    if (pipe2(pair.data(), O_CLOEXEC) != 0) {
        return system_failure("cannot create a pipe to the new program");
    }
    unique_fd output{pair[0]};
    const unique_fd input{pair[1]};
    fcntl(output.get(), F_SETFL, O_NONBLOCK);
    // Arguments that are harmless for a program that ignores the variable.
    std::vector<std::string> arguments{"msd", "--version"};
    std::vector<std::string> variables = takeover_variables(fmt::format("question:{}", state));
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const std::vector<char*> variable_pointers = pointers_to(variables);
    const question asked{
        program.descriptor(),
        input.get(),
        state,
        config,
        argument_pointers.data(),
        variable_pointers.data()};
    const pid_t pid = fork();
    if (pid < 0) {
        return system_failure("cannot create a process for the new program");
    }
    if (pid == 0) {
        put(asked);
    }
    setpgid(pid, pid); // in parent and child, so that it holds before the group is killed
    return upgrade_check{std::move(program), pid, std::move(output), timeout};
}

upgrade_check::upgrade_check(executable program, pid_t pid, unique_fd output, milliseconds timeout)
    : program_{std::move(program)},
      pid_{pid},
      output_{std::move(output)},
      timeout_{timeout},
      until_{clock::now() + timeout} {}

upgrade_check::upgrade_check(upgrade_check&& from) noexcept
    : program_{std::move(from.program_)},
      pid_{std::exchange(from.pid_, -1)},
      output_{std::move(from.output_)},
      timeout_{from.timeout_},
      until_{from.until_},
      printed_{std::move(from.printed_)},
      answer_{std::move(from.answer_)} {}

upgrade_check::~upgrade_check() {
    end();
}

void upgrade_check::end() {
    if (pid_ > 0) {
        kill(-pid_, SIGKILL);
        pid_ = -1;
    }
}

void upgrade_check::read_output() {
    std::array<char, printed_bytes_max> buffer{};
    for (int count = 0; output_ && count < reads_at_once_max; ++count) {
        const ssize_t got = read(output_.get(), buffer.data(), buffer.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            output_.reset();
            return;
        }
        const std::string_view text{buffer.data(), static_cast<std::size_t>(got)};
        printed_ += text.substr(0, printed_bytes_max - printed_.size());
    }
}

bool upgrade_check::reaped(pid_t pid, int wait_status) {
    if (pid != pid_) {
        return false;
    }
    pid_ = -1;
    read_output();
    output_.reset();
    const auto version = takeover_version(printed_);
    if (version && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        answer_ = *version;
    } else {
        answer_ = fail(errc::refused, refusal(wait_status));
    }
    return true;
}

// Uses the last line that the program printed, for example "cannot open shared object file".
std::string upgrade_check::refusal(int wait_status) const {
    std::string said = printable(last_line(printed_));
    const bool has_failed = !WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0;
    if (WIFEXITED(wait_status) && has_failed && !said.empty()) {
        return said;
    }
    return fmt::format(
        "it did not answer whether it can take over: {}{}{}",
        exit_text(wait_status),
        said.empty() ? "" : ", ",
        said
    );
}

void upgrade_check::expire(time_point now) {
    if (answer_ || now < until_) {
        return;
    }
    end();
    output_.reset();
    answer_ = fail(errc::timeout, fmt::format("it did not answer within {} ms", timeout_.count()));
}

time_point upgrade_check::next_due() const {
    return answer_ ? time_point::max() : until_;
}

} // namespace msd::process
