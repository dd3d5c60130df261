// SPDX-License-Identifier: Apache-2.0
#include "process/worker_process.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace msd::process {

namespace {

constexpr int messages_at_once_max = 64;

// The next datagram; its size is returned, also when it is larger than `into`. There is no room for
// descriptors, so the kernel closes those that are attached.
ssize_t receive_datagram(int from, std::array<char, core::worker_message_bytes_max>& into) {
    ssize_t got = -1;
    do {
        got = recv(from, into.data(), into.size(), MSG_DONTWAIT | MSG_TRUNC);
    } while (got < 0 && errno == EINTR);
    return got;
}

result<core::worker_message> read_message(std::string_view buffer, std::size_t datagram_bytes) {
    if (datagram_bytes > buffer.size()) {
        return fail(errc::too_large, "a message is too long");
    }
    return core::decode_worker_message(buffer.substr(0, datagram_bytes));
}

} // namespace

std::string_view text_of(worker_process::phase phase) {
    switch (phase) {
    case worker_process::phase::starting:
        return "starting";
    case worker_process::phase::ready:
        return "ready";
    case worker_process::phase::draining:
        return "draining";
    case worker_process::phase::stopping:
        return "stopping";
    }
    return "unknown";
}

bool send_message(const worker_process& worker, const core::worker_message& message, int attached) {
    std::string datagram = core::encode(message);
    iovec text{datagram.data(), datagram.size()};
    msghdr packet{};
    packet.msg_iov = &text;
    packet.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    if (attached >= 0) {
        packet.msg_control = room.data();
        packet.msg_controllen = room.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &attached, sizeof attached);
    }
    const ssize_t sent = sendmsg(worker.control.get(), &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == static_cast<ssize_t>(datagram.size());
}

std::vector<core::worker_message> receive_messages(worker_process& worker) {
    std::vector<core::worker_message> received;
    std::array<char, core::worker_message_bytes_max> buffer{};
    for (int count = 0; worker.control && count < messages_at_once_max; ++count) {
        const ssize_t got = receive_datagram(worker.control.get(), buffer);
        if (got < 0 && errno == EAGAIN) {
            break;
        }
        if (got <= 0) {
            worker.control.reset();
            break;
        }
        ++worker.messages;
        auto message = read_message({buffer.data(), buffer.size()}, static_cast<std::size_t>(got));
        if (message) {
            received.push_back(std::move(*message));
        } else if (++worker.malformed == 1) {
            log::warning("pid {} on its control channel: {}", worker.pid, message.error().text);
        }
    }
    return received;
}

std::string exit_text(int wait_status) {
    if (!WIFSIGNALED(wait_status)) {
        return fmt::format("exit code {}", WEXITSTATUS(wait_status));
    }
    const int number = WTERMSIG(wait_status);
    const char* const name = sigdescr_np(number);
    return fmt::format(
        "signal {} ({}){}",
        number,
        name != nullptr ? name : "unknown",
        WCOREDUMP(wait_status) ? ", core dumped" : ""
    );
}

char process_state(pid_t pid) {
    std::ifstream file{fmt::format("/proc/{}/stat", pid)};
    std::string line;
    std::getline(file, line);
    // The command is in brackets and may itself contain brackets.
    const auto after = line.rfind(") ");
    return after == std::string::npos ? '\0' : line[after + 2];
}

} // namespace msd::process
