// SPDX-License-Identifier: Apache-2.0
#include "process/control_client.hpp"

#include "base/unique_fd.hpp"
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace msd::process {

namespace {

constexpr std::size_t answer_bytes_max = 16u << 20;
constexpr std::size_t answer_piece_bytes = 16u << 10;

errc code_of(int reason) {
    switch (reason) {
    case ENOENT:
        return errc::not_found;
    case ECONNREFUSED:
        return errc::refused;
    case EACCES:
    case EPERM:
        return errc::denied;
    default:
        return errc::unavailable;
    }
}

bool wait_for(int fd, short events, deadline until) {
    constexpr milliseconds longest{60'000};
    pollfd one{fd, events, 0};
    return poll(&one, 1, static_cast<int>(std::min(until.left(), longest).count())) > 0;
}

result<std::string> receive_line(int fd, deadline until) {
    std::string line;
    while (line.size() <= answer_bytes_max) {
        if (!wait_for(fd, POLLIN, until)) {
            return fail(errc::timeout, "the master does not answer");
        }
        std::array<char, answer_piece_bytes> buffer{};
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            return fail(errc::closed, "the master closed the control connection");
        }
        line.append(buffer.data(), static_cast<std::size_t>(got));
        if (line.ends_with('\n')) {
            line.pop_back();
            return line;
        }
    }
    return fail(errc::too_large, "the master's answer is too long");
}

} // namespace

result<std::string>
ask_master(const std::filesystem::path& path, std::string_view command, deadline until) {
    const auto address = unix_address(path);
    if (!address) {
        return tl::unexpected{address.error()};
    }
    const unique_fd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    // connect() blocks when the backlog of a master that does not accept is full. This limits it.
    const auto limit_ms = until.left().count();
    const timeval limit{limit_ms / 1000, limit_ms % 1000 * 1000};
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
        const int reason = errno;
        return fail(
            code_of(reason),
            fmt::format("{}: {}", path.native(), std::generic_category().message(reason))
        );
    }
    const std::string line = fmt::format("{}\n", command);
    if (send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size())) {
        return fail(errc::closed, fmt::format("{}: cannot send", path.native()));
    }
    return receive_line(fd.get(), until);
}

} // namespace msd::process
