// SPDX-License-Identifier: Apache-2.0
#include "net/descriptor_channel.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace msd::net {

namespace {

constexpr std::size_t room_bytes = CMSG_SPACE(sizeof(int) * parcel_descriptors_max);

// Descriptors in flight count against the sender's limit until the receiver takes them.
constexpr milliseconds congested_pause{1};

tl::unexpected<error> gone() {
    return fail(errc::closed, "the other process has ended");
}

result<void> await(int socket, short events, deadline until) {
    for (;;) {
        pollfd waiting{socket, events, 0};
        const auto left = until.left() + milliseconds{until.passed() ? 0 : 1};
        const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready > 0) {
            return {};
        }
        if (ready == 0 && until.passed()) {
            return fail(errc::timeout, "the other process took too long");
        }
        if (ready < 0 && errno != EINTR) {
            return fail(errc::internal, std::generic_category().message(errno));
        }
    }
}

void attach(msghdr& message, std::span<const int> descriptors) {
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

std::vector<unique_fd> attached_to(msghdr& message) {
    std::vector<unique_fd> descriptors;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            descriptors.emplace_back(descriptor);
        }
    }
    return descriptors;
}

} // namespace

result<void>
send_parcel(int socket, std::string_view text, std::span<const int> attached, deadline until) {
    assert(text.size() <= parcel_bytes_max && attached.size() <= parcel_descriptors_max);
    iovec bytes{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) std::array<char, room_bytes> room{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (!attached.empty()) {
        message.msg_control = room.data();
        message.msg_controllen = CMSG_SPACE(attached.size_bytes());
        attach(message, attached);
    }
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return {};
        }
        const int reason = errno;
        if (reason == ETOOMANYREFS && !until.passed()) {
            poll(nullptr, 0, static_cast<int>(congested_pause.count()));
        } else if (reason == EAGAIN) {
            if (auto writable = await(socket, POLLOUT, until); !writable) {
                return writable;
            }
        } else if (reason != EINTR) {
            return reason == EPIPE || reason == ECONNRESET
                       ? gone()
                       : fail(errc::unavailable, std::generic_category().message(reason));
        }
    }
}

result<parcel> receive_parcel(int socket, deadline until) {
    parcel received;
    received.text.resize(parcel_bytes_max);
    iovec bytes{received.text.data(), received.text.size()};
    alignas(cmsghdr) std::array<char, room_bytes> room{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    for (;;) {
        if (auto readable = await(socket, POLLIN, until); !readable) {
            return tl::unexpected{std::move(readable.error())};
        }
        message.msg_control = room.data();
        message.msg_controllen = room.size();
        const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return gone();
        }
        received.text.resize(static_cast<std::size_t>(got));
        received.descriptors = attached_to(message);
        if ((message.msg_flags & MSG_CTRUNC) != 0) {
            return fail(errc::unavailable, "this process has no free file descriptors");
        }
        if ((message.msg_flags & MSG_TRUNC) != 0) {
            return fail(errc::too_large, "a message of the other process is too long");
        }
        return received;
    }
}

} // namespace msd::net
