// SPDX-License-Identifier: Apache-2.0
#include "process/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace msd::process {

service_manager::service_manager() {
    const char* const address = std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe)
    if (address == nullptr || (address[0] != '/' && address[0] != '@') ||
        std::strlen(address) >= sizeof(sockaddr_un::sun_path)) {
        return;
    }
    address_ = address;
    if (address_.front() == '@') {
        address_.front() = '\0';
    }
    socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void service_manager::tell(std::string_view lines) const {
    if (!socket_) {
        return;
    }
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    sendto(
        socket_.get(),
        lines.data(),
        lines.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&to),
        size
    );
}

} // namespace msd::process
