// SPDX-License-Identifier: Apache-2.0
#include "process/executable.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sched.h>
#include <string_view>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

// Variables that only the master gets: those of the service manager, and some of msd itself.
constexpr std::string_view variables_of_the_master[] = {
    "NOTIFY_SOCKET=",
    "WATCHDOG_USEC=",
    "WATCHDOG_PID=",
    "LISTEN_FDS=",
    "LISTEN_PID=",
    "LISTEN_FDNAMES=",
    "MSD_WORKER=",
    "MSD_TAKEOVER=",
};

tl::unexpected<error> system_failure(std::string_view what) {
    return fail(
        errc::unavailable,
        fmt::format("{}: {}", what, std::generic_category().message(errno))
    );
}

std::vector<std::string> worker_variables(const worker_description& description) {
    std::vector<std::string> variables;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view entry{*each};
        bool handed_on = true;
        for (const std::string_view own : variables_of_the_master) {
            handed_on = handed_on && !entry.starts_with(own);
        }
        if (handed_on) {
            variables.emplace_back(entry);
        }
    }
    variables.push_back(fmt::format("{}={}", worker_variable, encode(description)));
    return variables;
}

constexpr std::size_t child_stack_bytes = std::size_t{64} * 1024;

// What the child needs. Prepared before the child exists.
struct exec_plan {
    int file;
    int control;
    const std::vector<int>& inherited;
    char* const* arguments;
    char* const* variables;
};

// Runs in the master's memory while the master is suspended, so it makes system calls only.
int become_worker(void* exec_plan_of_the_master) {
    const exec_plan& plan = *static_cast<const exec_plan*>(exec_plan_of_the_master);
    // Ignored signals stay ignored over exec, so a Ctrl-C right after the start does not kill the
    // worker.
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU}) {
        std::signal(number, SIG_IGN);
    }
    // Includes descriptors that a library or the parent of the master left open.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : plan.inherited) {
        fcntl(fd, F_SETFD, 0);
    }
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    execveat(plan.file, "", plan.arguments, plan.variables, AT_EMPTY_PATH);
    std::array<char, 128> text{"FATAL cannot execute the worker: "};
    const std::size_t prefix = std::strlen(text.data());
    const char* const reason = strerrordesc_np(errno); // no allocation, unlike strerror
    std::strncpy(text.data() + prefix, reason != nullptr ? reason : "?", text.size() - prefix - 1);
    send(plan.control, text.data(), std::strlen(text.data()), MSG_NOSIGNAL);
    _exit(exit_exec_failed);
}

// As vfork(2), with a separate stack for the child: no page of the master is copied, neither now
// nor when it is written later.
pid_t spawn(exec_plan& plan) {
    // Shared by all children: the master is suspended until a child has called exec.
    alignas(std::max_align_t) static std::array<std::byte, child_stack_bytes> stack;
    std::byte* const top = stack.data() + stack.size(); // it grows downwards
    return clone(become_worker, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
}

// A worker could send a descriptor whose close blocks the master, such as a socket with SO_LINGER.
// Kernels before 6.16 do not know the option; there the kernel closes what is sent.
void refuse_descriptors(int receiver) {
#ifdef SO_PASSRIGHTS
    constexpr int pass_rights = SO_PASSRIGHTS;
#else
    constexpr int pass_rights = 83;
#endif
    constexpr int no = 0;
    setsockopt(receiver, SOL_SOCKET, pass_rights, &no, sizeof no);
}

} // namespace

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

result<executable> executable::running() {
    auto found = at("/proc/self/exe");
    if (found) {
        found->path_.clear();
    }
    return found;
}

result<executable> executable::at(const std::string& path) {
    unique_fd file{open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (!file) {
        return system_failure(path);
    }
    return executable{std::move(file), path};
}

result<executable> executable::again() const {
    unique_fd same{fcntl(file_.get(), F_DUPFD_CLOEXEC, 3)};
    if (!same) {
        return system_failure("cannot duplicate the descriptor of the program");
    }
    return executable{std::move(same), path_};
}

executable executable::adopt(unique_fd file) {
    return executable{std::move(file), {}};
}

std::string executable::text() const {
    std::error_code ignored;
    const std::filesystem::path link = fmt::format("/proc/self/fd/{}", file_.get());
    std::string real = std::filesystem::read_symlink(link, ignored);
    if (path_.empty() || path_ == real) {
        return real;
    }
    return fmt::format("{} ({})", path_, real);
}

namespace {

// Removes the "." parts. The ".." parts stay, because after a symbolic link ".." is the parent of
// the link's target and not of the link.
std::filesystem::path without_dots(const std::filesystem::path& path) {
    std::filesystem::path made;
    for (const std::filesystem::path& part : path) {
        if (part != ".") {
            made /= part;
        }
    }
    return made;
}

// $PWD of the shell contains the symbolic links of the path; getcwd(3) returns the path without
// them.
std::filesystem::path absolute_path_of(const std::filesystem::path& name) {
    std::error_code ignored;
    const char* const directory = std::getenv("PWD"); // NOLINT(concurrency-mt-unsafe)
    const bool is_usable = directory != nullptr && directory[0] == '/' &&
                           std::filesystem::equivalent(directory, ".", ignored);
    const std::filesystem::path base =
        is_usable ? std::filesystem::path{directory} : std::filesystem::current_path(ignored);
    return without_dots(base / name); // an absolute name replaces the base
}

} // namespace

// The path by which the program was started may contain a symbolic link that is changed to the next
// version. So that path is used, provided that it leads to the running program.
std::string executable::path_of_running() {
    std::error_code ignored;
    const std::filesystem::path file = std::filesystem::read_symlink("/proc/self/exe", ignored);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the auxiliary vector contains a number
    const auto* const name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    if (name == nullptr) {
        return file;
    }
    const std::filesystem::path absolute = absolute_path_of(name);
    const bool is_of_the_kernel =
        absolute.native().starts_with("/proc/") || absolute.native().starts_with("/dev/");
    const bool is_running = std::filesystem::equivalent(absolute, "/proc/self/exe", ignored);
    return is_running && !is_of_the_kernel ? absolute : file;
}

result<executable::started> executable::start(
    const std::vector<std::string>& command_line,
    worker_description description
) const {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) {
        return system_failure("cannot create the control channel of a worker");
    }
    started made;
    made.control.reset(pair[0]);
    refuse_descriptors(made.control.get());
    const unique_fd workers_end{pair[1]};
    description.control = workers_end.get();
    description.master = getpid();

    const std::vector<int> inherited = description.descriptors();
    std::vector<std::string> arguments = command_line;
    std::vector<std::string> variables = worker_variables(description);
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const std::vector<char*> variable_pointers = pointers_to(variables);
    exec_plan plan{
        file_.get(),
        workers_end.get(),
        inherited,
        argument_pointers.data(),
        variable_pointers.data()};
    made.pid = spawn(plan);
    if (made.pid < 0) {
        return system_failure("cannot create the process of a worker");
    }
    return made;
}

} // namespace msd::process
