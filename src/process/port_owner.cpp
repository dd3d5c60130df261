// SPDX-License-Identifier: Apache-2.0
#include "process/port_owner.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

namespace msd::process {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t command_bytes_max = 4096;    // of a command line …
constexpr std::size_t shown_bytes_max = 80;        // … and of it in a message
constexpr std::string_view listening_state = "0A"; // TCP_LISTEN, as /proc/net/tcp writes it

// Inodes of the sockets that listen on `port`, from one of /proc/net/tcp and tcp6. A line is:
// number, local address:port, remote, state, queues, timer, retransmits, uid, timeout, inode.
void add_listening_inodes(const char* table, std::uint16_t port, std::set<std::string>& out) {
    std::ifstream file{table};
    const std::string wanted = fmt::format(":{:04X}", port);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        std::string number;
        std::string local;
        std::string remote;
        std::string state;
        std::string inode;
        words >> number >> local >> remote >> state;
        if (state != listening_state || !local.ends_with(wanted)) {
            continue;
        }
        for (int column = 4; column <= 9; ++column) {
            words >> inode;
        }
        out.insert(inode);
    }
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& inodes) {
    std::error_code ignored; // processes end meanwhile, and those of other users are not readable
    for (fs::directory_iterator entry{process / "fd", ignored}, end; entry != end;
         entry.increment(ignored)) {
        const std::string target = fs::read_symlink(entry->path(), ignored).string();
        if (target.starts_with("socket:[") && target.ends_with(']') &&
            inodes.contains(target.substr(8, target.size() - 9))) {
            return true;
        }
    }
    return false;
}

// The arguments, each with a NUL behind it.
std::string command_line_of(const fs::path& process) {
    std::ifstream file{process / "cmdline", std::ios::binary};
    std::string text(command_bytes_max, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

std::string name_of_program(const std::string& command_line) {
    return fs::path{command_line.c_str()}.filename(); // up to the first NUL
}

std::string shown(std::string text) {
    text.resize(std::min(text.size(), shown_bytes_max));
    while (!text.empty() && text.back() == '\0') {
        text.pop_back();
    }
    std::replace(text.begin(), text.end(), '\0', ' '); // between the arguments
    return printable(text);
}

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

// The lowest pid is that of the oldest process: a master, not its workers.
int first_holder(const std::set<std::string>& inodes) {
    int found = 0;
    std::error_code ignored;
    for (fs::directory_iterator entry{"/proc", ignored}, end; entry != end;
         entry.increment(ignored)) {
        const std::string name = entry->path().filename().string();
        int pid = 0;
        if (!is_number(name) ||
            std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) {
            continue;
        }
        if ((found == 0 || pid < found) && holds_one_of(entry->path(), inodes)) {
            found = pid;
        }
    }
    return found;
}

} // namespace

port_owner owner_of_port(std::uint16_t port) {
    std::set<std::string> inodes;
    add_listening_inodes("/proc/net/tcp", port, inodes);
    add_listening_inodes("/proc/net/tcp6", port, inodes);
    if (inodes.empty()) {
        return {};
    }
    const int pid = first_holder(inodes);
    if (pid == 0) {
        return {"a process of another user", false}; // or one that is ending
    }
    const std::string command_line = command_line_of(fs::path{"/proc"} / std::to_string(pid));
    const std::string own = command_line_of("/proc/self");
    return {
        fmt::format("pid {} ({})", pid, shown(command_line)),
        name_of_program(command_line) != name_of_program(own)};
}

} // namespace msd::process
