// SPDX-License-Identifier: Apache-2.0
#include "process/worker_description.hpp"

#include "core/scoreboard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <set>
#include <utility>

namespace msd::process {

namespace {

template <class Number>
bool read_number(std::string_view text, Number least, Number most, Number& out) {
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), text.data() + text.size(), out);
    return reason == std::errc{} && stopped == end && out >= least && out <= most;
}

// Cuts `text` at the first `separator`; what follows it stays in `text`.
std::string_view take_until(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const std::string_view head = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return head;
}

bool read_listeners(std::string_view text, std::vector<int>& out) {
    while (!text.empty()) {
        int fd = -1;
        if (out.size() == listeners_max ||
            !read_number(take_until(text, ','), 3, std::numeric_limits<int>::max(), fd)) {
            return false;
        }
        out.push_back(fd);
    }
    return true;
}

bool read_ports(std::string_view text, std::map<std::string, std::uint16_t>& out) {
    constexpr std::uint16_t port_max = std::numeric_limits<std::uint16_t>::max();
    while (!text.empty()) {
        std::string_view pair = take_until(text, ',');
        const std::string_view name = take_until(pair, ':');
        std::uint16_t port = 0;
        if (name.empty() || !read_number<std::uint16_t>(pair, 1, port_max, port)) {
            return false;
        }
        out[std::string{name}] = port;
    }
    return true;
}

constexpr std::array<std::string_view, 14> names{
    "pool",
    "slot",
    "workers",
    "generation",
    "master",
    "control",
    "board",
    "line",
    "handover",
    "config",
    "listeners",
    "host",
    "port",
    "ports"};

// One `name=value` of these; false when the value is unusable.
bool read_field(std::string_view name, std::string_view value, worker_description& out) {
    constexpr int fd_max = std::numeric_limits<int>::max();
    if (name == "pool") {
        out.pool = value;
        return !value.empty();
    }
    if (name == "slot") {
        return read_number(value, 0, workers_max - 1, out.slot);
    }
    if (name == "workers") {
        return read_number(value, 1, workers_max, out.workers);
    }
    if (name == "generation") {
        return read_number<std::uint64_t>(
            value,
            1,
            std::numeric_limits<std::uint64_t>::max(),
            out.generation
        );
    }
    if (name == "master") {
        return read_number<pid_t>(value, 1, std::numeric_limits<pid_t>::max(), out.master);
    }
    if (name == "control") {
        return read_number(value, 3, fd_max, out.control);
    }
    if (name == "board") {
        return read_number(value, 3, fd_max, out.board);
    }
    if (name == "line") {
        return read_number<std::size_t>(value, 0, core::scoreboard::lines_max - 1, out.line);
    }
    if (name == "handover") {
        return read_number(value, -1, fd_max, out.handover);
    }
    if (name == "config") {
        return read_number(value, -1, fd_max, out.config);
    }
    if (name == "listeners") {
        return read_listeners(value, out.listeners);
    }
    if (name == "host") {
        out.host = value;
        return true;
    }
    if (name == "port") {
        return read_number<std::uint16_t>(
            value,
            0,
            std::numeric_limits<std::uint16_t>::max(),
            out.port
        );
    }
    return name == "ports" && read_ports(value, out.ports);
}

} // namespace

std::vector<int> worker_description::descriptors() const {
    std::vector<int> all = listeners;
    for (const int each : {control, board, handover, config}) {
        if (each >= 0) {
            all.push_back(each);
        }
    }
    return all;
}

std::string encode(const worker_description& description) {
    std::string text = fmt::format(
        "pool={} slot={} workers={} generation={} master={} control={} board={} line={} "
        "handover={} config={} "
        "listeners={} host={} port={} ports=",
        description.pool,
        description.slot,
        description.workers,
        description.generation,
        description.master,
        description.control,
        description.board,
        description.line,
        description.handover,
        description.config,
        fmt::join(description.listeners, ","),
        description.host,
        description.port
    );
    const char* separator = "";
    for (const auto& [name, port] : description.ports) {
        text += fmt::format("{}{}:{}", separator, name, port);
        separator = ",";
    }
    return text;
}

result<worker_description> decode_worker_description(std::string_view text) {
    worker_description read;
    std::set<std::string_view> seen;
    while (!text.empty()) {
        std::string_view value = take_until(text, ' ');
        const std::string_view name = take_until(value, '=');
        if (!seen.insert(name).second) {
            return fail(
                errc::invalid,
                fmt::format("{}: '{}' is given twice", worker_variable, name)
            );
        }
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            continue;
        }
        if (!read_field(name, value, read)) {
            return fail(
                errc::invalid,
                fmt::format("{}: '{}={}' is unusable", worker_variable, name, value)
            );
        }
    }
    for (const char* const name : {"pool", "slot", "workers", "generation", "master", "control"}) {
        if (!seen.contains(name)) {
            return fail(errc::invalid, fmt::format("{}: '{}' is missing", worker_variable, name));
        }
    }
    if (read.slot >= read.workers) {
        return fail(
            errc::invalid,
            fmt::format("{}: slot {} of {} workers", worker_variable, read.slot, read.workers)
        );
    }
    return read;
}

} // namespace msd::process
