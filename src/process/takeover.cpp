// SPDX-License-Identifier: Apache-2.0
#include "process/takeover.hpp"

#include "base/printable.hpp"
#include "base/version.hpp"
#include "core/scoreboard.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

constexpr std::string_view question_prefix = "question:";
constexpr std::string_view answer_prefix = "msd takes over: ";
constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

std::string reason_of(int number) {
    return std::generic_category().message(number);
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// The variable may not come from a master; this process must not read or close other descriptors.
result<std::string> read_state(int fd) {
    struct stat facts {};
    if (fcntl(fd, F_GET_SEALS) != seals || fstat(fd, &facts) != 0 ||
        facts.st_size > static_cast<off_t>(state_bytes_max)) {
        return fail(
            errc::invalid,
            fmt::format(
                "{}: descriptor {} is not the state of a master (unset the variable to start a "
                "master)",
                takeover_variable,
                fd
            )
        );
    }
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    const ssize_t got = pread(fd, text.data(), text.size(), 0);
    if (got != static_cast<ssize_t>(text.size())) {
        return fail(errc::invalid, "the state of the master cannot be read");
    }
    return text;
}

result<int> number_of(std::string_view value) {
    int fd = -1;
    const char* const end = value.data() + value.size();
    const auto [stopped, reason] = std::from_chars(value.data(), end, fd);
    if (reason != std::errc{} || stopped != end || fd < 3) {
        return fail(errc::invalid, fmt::format("{}: '{}' is unusable", takeover_variable, value));
    }
    return fd;
}

result<void> check(const inherited_master& given) {
    const pid_t master = given.is_question ? getppid() : getpid();
    if (given.state.pid != master) {
        return fail(errc::invalid, fmt::format("the state belongs to pid {}", given.state.pid));
    }
    if (given.state.board.layout != core::scoreboard::layout) {
        return fail(
            errc::invalid,
            fmt::format(
                "the scoreboard has layout {}, this program needs layout {}: stop the instance and "
                "start it again",
                given.state.board.layout,
                std::uint32_t{core::scoreboard::layout}
            )
        );
    }
    for (const int fd : given.state.descriptors()) {
        const bool is_here = !given.is_question || fd == given.state.config;
        if (is_here && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
            return fail(errc::invalid, fmt::format("descriptor {} of the state is not open", fd));
        }
    }
    return {};
}

} // namespace

result<unique_fd> write_down(const master_state& state) {
    const std::string text = encode(state);
    const auto again = decode_master_state(text);
    if (!again) {
        return fail(errc::unavailable, "the state cannot be encoded: " + again.error().text);
    }
    if (again->command_line != state.command_line || again->program != state.program ||
        again->control.listener != state.control.listener || again->pid_file != state.pid_file) {
        return fail(errc::unavailable, "a path or an argument of the instance is not UTF-8");
    }
    unique_fd made{memfd_create("msd-state", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!made || !write_all(made.get(), text) || fcntl(made.get(), F_ADD_SEALS, seals) != 0) {
        return fail(errc::unavailable, "no memory for the state: " + reason_of(errno));
    }
    return made;
}

std::vector<std::string> takeover_variables(std::string_view value) {
    std::vector<std::string> variables;
    for (char** each = environ; *each != nullptr; ++each) {
        variables.emplace_back(*each);
    }
    variables.push_back(fmt::format("{}={}", takeover_variable, value));
    return variables;
}

error take_over(const executable& program, const master_state& state) {
    const auto text = write_down(state);
    if (!text) {
        return text.error();
    }
    std::vector<std::string> arguments = state.command_line;
    std::vector<std::string> variables = takeover_variables(std::to_string(text->get()));
    std::vector<int> kept = state.descriptors();
    kept.push_back(text->get());
    // Descriptors that a library left open are closed by the exec.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : kept) {
        fcntl(fd, F_SETFD, 0);
    }
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const std::vector<char*> variable_pointers = pointers_to(variables);
    execveat(
        program.descriptor(),
        "",
        argument_pointers.data(),
        variable_pointers.data(),
        AT_EMPTY_PATH
    );
    const int why = errno;
    for (const int fd : kept) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return {errc::unavailable, "it cannot be executed: " + reason_of(why)};
}

bool is_takeover_question() {
    const char* const value = std::getenv(takeover_variable); // NOLINT(concurrency-mt-unsafe)
    return value != nullptr && std::string_view{value}.starts_with(question_prefix);
}

result<std::optional<inherited_master>> taken_over() {
    const char* const value = std::getenv(takeover_variable); // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string_view number{value};
    inherited_master given;
    given.is_question = number.starts_with(question_prefix);
    if (given.is_question) {
        number.remove_prefix(question_prefix.size());
    }
    const auto fd = number_of(number);
    if (!fd) {
        return tl::unexpected{fd.error()};
    }
    const auto text = read_state(*fd);
    if (!text) {
        return tl::unexpected{text.error()};
    }
    auto state = decode_master_state(*text);
    if (!state) {
        return tl::unexpected{std::move(state.error())};
    }
    given.state = std::move(*state);
    if (const auto usable = check(given); !usable) {
        return tl::unexpected{usable.error()};
    }
    close(*fd);
    if (!given.is_question) {
        unsetenv(takeover_variable); // NOLINT(concurrency-mt-unsafe)
    }
    // The kernel would show the number of the descriptor that was executed.
    prctl(PR_SET_NAME, std::filesystem::path{given.state.program}.filename().c_str());
    return given;
}

int answer_takeover(const result<void>& verdict) {
    if (!verdict) {
        fmt::print("{}\n", printable(verdict.error().text));
        return 1;
    }
    fmt::print("{}{}\n", answer_prefix, build_name());
    return 0;
}

std::optional<std::string> takeover_version(std::string_view printed) {
    if (!printed.starts_with(answer_prefix)) {
        return std::nullopt;
    }
    printed.remove_prefix(answer_prefix.size());
    return printable(printed.substr(0, printed.find('\n')));
}

} // namespace msd::process
