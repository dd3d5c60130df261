// SPDX-License-Identifier: Apache-2.0
#include "process/service_manager.hpp"

#include "base/log.hpp"
#include "process/socket_activation.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace msd::process {

namespace {

constexpr milliseconds pause_untaken{200};
constexpr std::int64_t microseconds_max = std::int64_t{1} << 50; // 35 years

// Nothing when the variable is not set or not a positive number.
std::optional<std::int64_t> number_in(const char* variable) {
    const char* const text = std::getenv(variable); // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr) {
        return std::nullopt;
    }
    std::int64_t number = 0;
    const char* const end = text + std::strlen(text);
    const auto [stopped, reason] = std::from_chars(text, end, number);
    if (reason != std::errc{} || stopped != end || number <= 0 || number > microseconds_max) {
        return std::nullopt;
    }
    return number;
}

// Zero: there is no watchdog, or it is for another process.
milliseconds watchdog_of_this_process() {
    const auto period = number_in("WATCHDOG_USEC");
    const auto pid = number_in("WATCHDOG_PID");
    const bool is_ours = std::getenv("WATCHDOG_PID") == nullptr // NOLINT(concurrency-mt-unsafe)
                         || pid == std::int64_t{getpid()};
    if (!period || !is_ours) {
        return milliseconds{0};
    }
    const std::chrono::microseconds said{*period};
    return std::max(std::chrono::duration_cast<milliseconds>(said), milliseconds{2});
}

// `space` is the memory that the message points to afterwards.
void attach(const std::vector<unique_fd>& sockets, msghdr& message, std::vector<char>& space) {
    std::vector<int> numbers;
    numbers.reserve(sockets.size());
    for (const unique_fd& each : sockets) {
        numbers.push_back(each.get());
    }
    const std::size_t bytes = numbers.size() * sizeof(int);
    space.resize(CMSG_SPACE(bytes));
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), numbers.data(), bytes);
}

} // namespace

service_manager::service_manager() : notice_{watchdog_of_this_process()} {
    const char* const address = std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe)
    if (address == nullptr || address[0] == '\0') {
        return;
    }
    if ((address[0] != '/' && address[0] != '@') ||
        std::strlen(address) >= sizeof(sockaddr_un::sun_path)) {
        log::warning(
            "NOTIFY_SOCKET '{}' is not the address of a service manager; ignored",
            address
        );
        return;
    }
    address_ = address;
    if (address_.front() == '@') {
        address_.front() = '\0';
    }
    socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void service_manager::report(const core::instance_condition& now_is, time_point now) {
    if (!is_there() || (again_at_ && now < *again_at_)) {
        return;
    }
    again_at_.reset();
    const core::instance_notice before = notice_;
    if (!notify(notice_.lines_due(now_is, now))) {
        notice_ = before;
        again_at_ = now + pause_untaken;
    }
}

void service_manager::reload_ends() {
    if (!notify(notice_.reload_ends())) {
        notice_.lost_reload_end();
    }
}

time_point service_manager::due() const {
    if (!is_there()) {
        return time_point::max();
    }
    return again_at_.value_or(notice_.due());
}

void service_manager::store(std::string_view pool, const std::vector<unique_fd>& sockets) const {
    notify(fmt::format("FDSTORE=1\nFDNAME={}\n", stored_name(pool)), sockets);
}

void service_manager::forget(std::string_view pool) const {
    notify(fmt::format("FDSTOREREMOVE=1\nFDNAME={}\n", stored_name(pool)));
}

// Does not block: the socket is non-blocking.
bool service_manager::notify(std::string_view lines, const std::vector<unique_fd>& sockets) const {
    if (!socket_ || lines.empty()) {
        return true;
    }
    // Part of every datagram, because after an upgrade in place systemd has to be told that the
    // main pid is unchanged.
    std::string datagram = fmt::format("{}MAINPID={}\n", lines, getpid());
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    iovec text{datagram.data(), datagram.size()};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    std::vector<char> space;
    if (!sockets.empty()) {
        attach(sockets, message, space);
    }
    return sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0;
}

} // namespace msd::process
