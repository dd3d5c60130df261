// SPDX-License-Identifier: Apache-2.0
#include "app/per_service.hpp"

#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/role_directories.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "store/stored_services.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

constexpr std::string_view embedded_scheme = "sqlite:";
constexpr std::size_t piece_bytes = 4096;

std::vector<std::string> services_of(const command_line& command) {
    const auto all = store::stored_services();
    return command.services.empty() ? std::vector<std::string>{all.begin(), all.end()}
                                    : command.services;
}

// The command as if only that service existed.
command_line narrowed(const command_line& command, const std::string& service) {
    command_line made = command;
    made.services = {service};
    if (made.place.starts_with(embedded_scheme)) {
        const auto directory = data_dir_of(made.place.substr(embedded_scheme.size()), service);
        made.place = std::string{embedded_scheme} + directory.native();
    }
    return made;
}

std::string read_all(int from) {
    std::string text;
    std::array<char, piece_bytes> piece{};
    for (;;) {
        const ssize_t got = read(from, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return text;
        }
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
}

int exit_code_of(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : exit_failed;
}

// The elements of a JSON array, as text.
std::string_view inside(std::string_view array) {
    const auto first = array.find('[');
    const auto last = array.rfind(']');
    return first == std::string_view::npos || last == std::string_view::npos || last < first
               ? std::string_view{}
               : array.substr(first + 1, last - first - 1);
}

// Runs `run` in a child process, whose standard output is `output` if that is a descriptor.
pid_t start(const std::function<int()>& run, int output) {
    std::fflush(nullptr); // else both processes write what is buffered
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0) {
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    std::signal(SIGINT, SIG_DFL);
    if (output >= 0) {
        dup2(output, STDOUT_FILENO);
    }
    const int code = getppid() == parent ? run() : exit_failed;
    std::fflush(nullptr);
    _exit(code);
}

service_outputs run_each(
    const command_line& command,
    const configuration& configured,
    const store_command& run,
    bool collects
) {
    std::signal(SIGINT, SIG_IGN); // the child handles it, and this process waits for the child
    service_outputs made;
    for (const std::string& service : services_of(command)) {
        configuration its = configured;
        its.data_dir = data_dir_of(configured.data_dir, service);
        const command_line part = narrowed(command, service);
        std::array<int, 2> ends{-1, -1};
        const bool has_pipe = !collects || pipe2(ends.data(), O_CLOEXEC) == 0;
        const unique_fd output{ends[0]};
        unique_fd input{ends[1]};
        const pid_t child = has_pipe ? start([&] { return run(part, its); }, input.get()) : -1;
        if (child < 0) {
            log::complain(fmt::format("{}: {}", service, std::generic_category().message(errno)));
            made.exit_code = exit_failed;
            return made;
        }
        input.reset();
        if (output) {
            const std::string printed = read_all(output.get());
            const std::string_view elements = inside(printed);
            made.elements += made.elements.empty() || elements.empty() ? "" : ",";
            made.elements += elements;
        }
        made.exit_code = std::max(made.exit_code, exit_code_of(child));
        if (made.exit_code != 0 && command.what != verb::compare_rows) {
            break;
        }
    }
    return made;
}

} // namespace

bool is_run_per_service(const configuration& configured) {
    return configured.service.store.url.empty() && is_split(configured.data_dir);
}

service_outputs collect_per_service(
    const command_line& command,
    const configuration& configured,
    const store_command& run
) {
    return run_each(command, configured, run, true);
}

int run_on_store(
    const command_line& command,
    const configuration& configured,
    const store_command& run
) {
    if (!is_run_per_service(configured)) {
        return run(command, configured);
    }
    const service_outputs all = run_each(command, configured, run, command.as_json);
    if (command.as_json && (all.exit_code == 0 || command.what == verb::compare_rows)) {
        print_json("[" + all.elements + "]");
    }
    return all.exit_code;
}

} // namespace msd::app
