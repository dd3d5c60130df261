// SPDX-License-Identifier: Apache-2.0
#include "integration/process/running_master.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "process/control_client.hpp"
#include "process/executable.hpp"
#include "process/pid_file.hpp"
#include "process/takeover.hpp"
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sstream>
#include <type_traits>
#include <utility>

namespace msd::process {

namespace {

constexpr const char* program_name = "msd_test_worker";

std::filesystem::path make_directory() {
    std::string path = testing::TempDir() + "msd-master-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
}

void append(const std::filesystem::path& file, const std::string& line) {
    const unique_fd out{open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
    const std::string text = line + "\n";
    [[maybe_unused]] const auto written = write(out.get(), text.data(), text.size());
}

// A sealed copy of the file as it is now.
std::shared_ptr<const unique_fd> copy_of(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    unique_fd copy{memfd_create("configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    [[maybe_unused]] const auto written = write(copy.get(), text.str().data(), text.str().size());
    fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return std::make_shared<const unique_fd>(std::move(copy));
}

// A program that takes over reads it again, so it is copied byte by byte.
static_assert(std::is_trivially_copyable_v<supervision_settings>);

master_settings
settings_in(const std::filesystem::path& directory, const supervision_settings& supervision) {
    log::configure({log::level::debug, log::format::text, directory / "log", "master", -1});
    const std::filesystem::path notes = directory / "notes";
    master_settings settings;
    settings.supervision = supervision;
    settings.read_configuration = [directory, supervision]() -> result<reconfiguration> {
        if (std::filesystem::exists(directory / "bad")) {
            return fail(errc::invalid, "a bad file");
        }
        reconfiguration made;
        made.supervision = supervision;
        made.config = copy_of(directory / "config");
        std::ifstream changed{directory / "changed"};
        for (std::string pool; changed >> pool;) {
            made.pools_affected.insert(pool);
        }
        std::ifstream live{directory / "live"};
        for (std::string pool; live >> pool;) {
            made.pools_live.insert(pool);
        }
        made.settle = [directory](bool in_effect) {
            append(directory / "notes", in_effect ? "master has adopted" : "master has refused");
        };
        return made;
    };
    settings.on_pool_ready = [notes](const worker_pool& each) {
        append(notes, "master announces " + each.name());
    };
    settings.on_all_ready = [notes] {
        append(notes, "master announces all");
    };
    return settings;
}

int exit_code_of(master& under_test) {
    const auto code = under_test.run();
    return code ? *code : 99;
}

int answer_in(const std::filesystem::path& directory) {
    std::string behaviour;
    std::getline(std::ifstream{directory / "notes.answer"} >> std::ws, behaviour);
    if (behaviour.starts_with("exit:")) {
        std::printf("some line\nbecause of %s\n", behaviour.c_str() + 5);
        return std::stoi(behaviour.substr(5));
    }
    if (behaviour == "abort") {
        std::abort();
    }
    if (behaviour == "silent") {
        return 0;
    }
    while (behaviour == "hang") {
        pause();
    }
    if (behaviour == "vanish") {
        std::filesystem::permissions(directory / "program", std::filesystem::perms::none);
    }
    return answer_takeover({});
}

} // namespace

bool eventually(const std::function<bool()>& condition, milliseconds limit) {
    const deadline until = deadline::in(limit);
    while (!condition()) {
        if (until.passed()) {
            return false;
        }
        poll(nullptr, 0, 5);
    }
    return true;
}

bool is_gone(pid_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
    std::string text;
    std::getline(file, text);
    // The state follows the name, which ends with the last parenthesis.
    const auto end = text.rfind(") ");
    return end == std::string::npos || text[end + 2] == 'Z';
}

supervision_settings impatient() {
    supervision_settings made;
    made.restart.backoff_first = milliseconds{1};
    made.restart.backoff_max = milliseconds{20};
    made.drain_timeout = std::chrono::seconds{60};
    made.stop_timeout = milliseconds{100};
    made.heartbeat_timeout = std::chrono::hours{1};
    return made;
}

running_master::running_master(
    const std::string& behaviour,
    const std::vector<pool_shape>& pools,
    const supervision_settings& supervision
)
    : directory_{make_directory()} {
    std::vector<pool_settings> settings;
    for (const pool_shape& shape : pools) {
        auto listening = listen_on("", 0);
        EXPECT_TRUE(listening);
        pool_settings& made = settings.emplace_back();
        made.name = shape.name;
        made.workers = shape.workers;
        made.stop_rank = shape.stop_rank;
        made.hands_over = shape.hands_over;
        made.listeners = std::move(*listening);
        ports_[shape.name] = made.listeners.port;
    }
    pid_ = fork();
    if (pid_ == 0) {
        become_master(behaviour, std::move(settings), supervision);
    }
}

void running_master::become_master(
    const std::string& behaviour,
    std::vector<pool_settings> pools,
    const supervision_settings& supervision
) {
    const auto lock = pid_file::claim(directory_ / "pid");
    std::ofstream{directory_ / "supervision", std::ios::binary}.write(
        reinterpret_cast<const char*>(&supervision),
        sizeof supervision
    );
    std::filesystem::create_symlink(executable::path_of_running(), program());
    touch("config", "first");
    master_settings settings = settings_in(directory_, supervision);
    settings.command_line = {program_name, behaviour, directory_ / "notes"};
    settings.config = copy_of(directory_ / "config");
    settings.program_path = program();
    settings.control_socket = socket();
    settings.lock = lock ? &*lock : nullptr;
    std::optional<int> code;
    {
        master under_test{std::move(settings), signal_queue{}, std::move(pools)};
        code = exit_code_of(under_test);
    }
    _exit(*code);
}

std::optional<int> resume_master_under_test() {
    auto given = taken_over();
    if (!given) {
        return is_takeover_question() ? answer_takeover(tl::unexpected{given.error()}) : 98;
    }
    if (!*given) {
        return std::nullopt;
    }
    master_state& left = (*given)->state;
    const std::filesystem::path directory = std::filesystem::path{left.program}.parent_path();
    if ((*given)->is_question) {
        return answer_in(directory);
    }
    supervision_settings supervision;
    std::ifstream{directory / "supervision", std::ios::binary}.read(
        reinterpret_cast<char*>(&supervision),
        sizeof supervision
    );
    const auto lock = pid_file::adopt(left.pid_file.path, unique_fd{left.pid_file.descriptor});
    master_settings settings = settings_in(directory, supervision);
    settings.command_line = left.command_line;
    settings.program_path = left.program;
    settings.lock = &lock;
    std::vector<pool_settings> pools;
    for (const pool_state& each : left.pools) {
        pool_settings& made = pools.emplace_back();
        made.name = each.name;
        made.workers = static_cast<int>(each.slots.size());
        made.listeners.host = each.host;
        made.listeners.port = each.port;
        for (const int listener : each.listeners) {
            made.listeners.sockets.emplace_back(listener);
        }
    }
    master under_test{std::move(settings), signal_queue{}, std::move(pools), std::move(left)};
    return exit_code_of(under_test);
}

running_master::~running_master() {
    if (pid_ > 0) {
        kill(pid_, SIGINT);
        [[maybe_unused]] const int code = wait();
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void running_master::next_workers(const std::string& behaviour) const {
    std::ofstream{directory_ / "notes.next"} << behaviour;
}

void running_master::next_answer(const std::string& behaviour) const {
    append(directory_ / "notes.new", behaviour);
    std::filesystem::rename(directory_ / "notes.new", directory_ / "notes.answer");
}

void running_master::touch(const std::string& name, const std::string& text) const {
    std::ofstream{directory_ / name} << text;
}

void running_master::forget(const std::string& name) const {
    std::filesystem::remove(directory_ / name);
}

void running_master::signal(int number) const {
    kill(pid_, number);
}

int running_master::wait() {
    int status = 0;
    const bool ended = eventually([this, &status] { return waitpid(pid_, &status, WNOHANG) != 0; });
    EXPECT_TRUE(ended) << log();
    if (!ended) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::vector<std::string> running_master::notes() const {
    std::vector<std::string> all;
    std::ifstream file{directory_ / "notes"};
    for (std::string line; std::getline(file, line);) {
        all.push_back(line);
    }
    return all;
}

std::ptrdiff_t running_master::count(const std::string& note) const {
    const auto all = notes();
    return std::count(all.begin(), all.end(), note);
}

bool running_master::noted(const std::string& note, std::ptrdiff_t times) const {
    return eventually([&] { return count(note) >= times; });
}

std::string running_master::log() const {
    std::ifstream file{directory_ / "log"};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string running_master::ask(const std::string& command) const {
    const auto answer = ask_master(socket(), command, deadline::in(std::chrono::seconds{20}));
    return answer ? *answer : answer.error().text;
}

bool running_master::says(const std::string& part) const {
    return eventually([&] { return ask(R"({"command":"status"})").find(part) != std::string::npos; }
    );
}

std::vector<pid_t> running_master::worker_pids() const {
    std::vector<pid_t> pids;
    const std::string status = ask(R"({"command":"status"})");
    json::object fields;
    EXPECT_TRUE(fields.parse(status)) << status;
    const auto pools = json::elements(fields.find("pools")->text);
    for (const json::value& each : *pools) {
        json::object pool;
        EXPECT_TRUE(pool.parse(each.text));
        const auto slots = json::elements(pool.find("slots")->text);
        for (const json::value& one : *slots) {
            json::object slot;
            EXPECT_TRUE(slot.parse(one.text));
            if (const auto pid = slot.find("pid")->as_int64()) {
                pids.push_back(static_cast<pid_t>(*pid));
            }
        }
    }
    return pids;
}

std::vector<pid_t> running_master::children() const {
    std::ifstream file{fmt::format("/proc/{0}/task/{0}/children", pid_)};
    return {std::istream_iterator<pid_t>{file}, {}};
}

std::ptrdiff_t running_master::open_descriptors() const {
    return std::distance(std::filesystem::directory_iterator{fmt::format("/proc/{}/fd", pid_)}, {});
}

std::vector<std::string> running_master::inheritable_descriptors() const {
    std::vector<std::string> found;
    for (const auto& each : std::filesystem::directory_iterator{fmt::format("/proc/{}/fd", pid_)}) {
        const std::string number = each.path().filename();
        std::ifstream file{fmt::format("/proc/{}/fdinfo/{}", pid_, number)};
        unsigned flags = 0;
        std::string word; // pos: 0 flags: 02 …
        if (!(file >> word >> word >> word >> std::oct >> flags)) {
            continue; // it has been closed since
        }
        std::error_code ignored;
        if (std::stoi(number) > STDERR_FILENO && (flags & O_CLOEXEC) == 0) {
            found.push_back(number + " " + std::filesystem::read_symlink(each, ignored).native());
        }
    }
    return found;
}

unique_fd running_master::connect_to_control() const {
    unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto to = unix_address(socket());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*to), sizeof *to), 0);
    return fd;
}

std::string running_master::connect(const std::string& pool) const {
    const unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(ports_.at(pool));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        return {};
    }
    std::array<char, 64> text{};
    const ssize_t got = recv(fd.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

} // namespace msd::process
