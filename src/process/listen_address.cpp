// SPDX-License-Identifier: Apache-2.0
#include "process/listen_address.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <memory>
#include <netdb.h>

namespace msd::process {

namespace {

constexpr std::size_t addresses_max = 16;

listen_address make_address(int family, const void* bytes) {
    listen_address made;
    if (family == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
        std::memcpy(&made.storage, &v4, sizeof v4);
        made.size = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        std::memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
        std::memcpy(&made.storage, &v6, sizeof v6);
        made.size = sizeof v6;
    }
    return made;
}

std::vector<listen_address> both_loopbacks() {
    const in_addr v4{htonl(INADDR_LOOPBACK)};
    std::vector<listen_address> both{
        make_address(AF_INET, &v4),
        make_address(AF_INET6, &in6addr_loopback)};
    both.front().optional = true;
    both.back().optional = true;
    return both;
}

} // namespace

std::uint16_t listen_address::port() const {
    // Both families have the port at the same offset on Linux; RFC 3493 does not require it.
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return ntohs(v4.sin_port);
}

void listen_address::set_port(std::uint16_t port) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    v4.sin_port = htons(port);
    std::memcpy(&storage, &v4, sizeof v4);
}

std::string listen_address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family() == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    } else {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &storage, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

bool listen_address::is_same_as(const listen_address& other) const {
    // The kernel and getaddrinfo() leave no byte of an address undefined.
    return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
}

result<std::vector<listen_address>> addresses_of(std::string_view host) {
    if (host.empty() || host == "localhost") {
        return both_loopbacks();
    }
    std::string name{host};
    if (name.starts_with('[') && name.ends_with(']')) {
        name = name.substr(1, name.size() - 2);
    }
    if (name.starts_with("::ffff:") && name.find('.') != std::string::npos) {
        name.erase(0, std::strlen("::ffff:")); // an IPv4-mapped address
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int code = getaddrinfo(name.c_str(), nullptr, &hints, &found);
    if (code != 0) {
        const bool is_wrong = code != EAI_AGAIN && code != EAI_SYSTEM && code != EAI_MEMORY;
        return fail(
            is_wrong ? errc::invalid : errc::unavailable,
            fmt::format("cannot listen on '{}': {}", host, gai_strerror(code))
        );
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, &freeaddrinfo};
    std::vector<listen_address> all;
    for (const addrinfo* each = found; each != nullptr && all.size() < addresses_max;
         each = each->ai_next) {
        listen_address next;
        std::memcpy(&next.storage, each->ai_addr, each->ai_addrlen);
        next.size = each->ai_addrlen;
        all.push_back(next);
    }
    return all;
}

listen_address address_of(int socket) {
    listen_address at;
    at.size = sizeof at.storage;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&at.storage), &at.size) != 0) {
        return {};
    }
    return at;
}

} // namespace msd::process
