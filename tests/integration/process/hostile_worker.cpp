// SPDX-License-Identifier: Apache-2.0
#include "integration/process/hostile_worker.hpp"

#include "base/unique_fd.hpp"
#include "core/scoreboard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace msd::process {

namespace {

constexpr int descriptors_at_once = 200;

// Waits for room, because the queue of the channel holds few messages.
void put(const worker_description& own, std::string_view datagram) {
    while (send(own.control, datagram.data(), datagram.size(), MSG_NOSIGNAL) < 0 && errno == EAGAIN
    ) {
        pollfd room{own.control, POLLOUT, 0};
        poll(&room, 1, -1);
    }
}

void put_with_descriptors(const worker_description& own, std::string_view datagram) {
    const unique_fd sent{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const std::vector<int> numbers(descriptors_at_once, sent.get());
    const std::size_t bytes = numbers.size() * sizeof(int);
    std::vector<char> space(CMSG_SPACE(bytes));
    std::string text{datagram};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), numbers.data(), bytes);
    sendmsg(own.control, &message, MSG_NOSIGNAL);
}

// Returns whether the size or the configuration could be changed.
bool damage_files(const worker_description& own) {
    bool damaged = ftruncate(own.board, 0) == 0 || ftruncate(own.board, off_t{1} << 30) == 0;
    if (own.config >= 0) {
        damaged = ftruncate(own.config, 0) == 0 || damaged;
    }
    return damaged;
}

void fill_board(const worker_description& own) {
    const auto board = core::scoreboard::adopt(unique_fd{fcntl(own.board, F_DUPFD_CLOEXEC, 3)});
    if (!board) {
        return;
    }
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    for (std::size_t index = 0; index < core::scoreboard::lines_max; ++index) {
        core::worker_figures& line = board->line(index);
        line.heartbeat_ns = index % 2 == 0 ? least : std::numeric_limits<std::int64_t>::max();
        line.beats_every_ms = least;
        line.connections = std::numeric_limits<std::uint64_t>::max();
        line.requests = std::numeric_limits<std::uint64_t>::max();
        line.accepts_for = std::numeric_limits<std::uint32_t>::max();
        line.held = std::numeric_limits<std::uint32_t>::max();
    }
}

void write_stats(const worker_description& own) {
    const auto board = core::scoreboard::adopt(unique_fd{fcntl(own.board, F_DUPFD_CLOEXEC, 3)});
    if (!board) {
        return;
    }
    for (std::size_t index = 0; index < core::scoreboard::lines_max; ++index) {
        board->stats(index).write(index % 2 == 0 ? "{" : std::string(4000, '\x7F'));
    }
    board->stats(own.line).write("{\"a\":\n\"\u202e\"}"); // the test waits for it
}

void attack(const worker_description& own) {
    const bool damaged = damage_files(own);
    fill_board(own);
    for (const std::string_view each :
         {"READY",
          "EXTEND",
          "DRAINED",
          "KEPT",
          "DRAINED",
          "SERVE",
          "CONFIGURE",
          "CONFIGURED 1",
          "REFUSED 1 it\nMAINPID=1",
          "HAND_OVER",
          "HELLO \x1b[2J",
          "nonsense",
          "FATAL"}) {
        put(own, each);
        put_with_descriptors(own, each);
    }
    put(own, "FATAL " + std::string(100'000, 'x'));
    put(own, damaged ? "FATAL damaged" : "FATAL boom\nMAINPID=1\x1b[2J");
    write_stats(own);
}

} // namespace

void answer_handover_with_contradictions(const worker_description& own) {
    for (const std::string_view each : {"DRAINED", "KEPT it stays", "DRAINED", "KEPT", "READY"}) {
        put(own, each);
    }
}

std::optional<int> run_hostile_worker(const worker_description& own, const std::string& behaviour) {
    if (behaviour == "attack") {
        attack(own);
    }
    while (behaviour == "flood") {
        put(own, "FATAL it floods");
    }
    if (behaviour == "lie and hang") {
        fill_board(own);
        for (;;) {
            pause();
        }
    }
    return std::nullopt;
}

} // namespace msd::process
