// SPDX-License-Identifier: Apache-2.0
#include "net/own_addresses.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <ifaddrs.h>

namespace msd::net {

namespace {

std::string text_of(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (address != nullptr && address->sa_family == AF_INET) {
        bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    } else if (address != nullptr && address->sa_family == AF_INET6) {
        bytes = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    }
    if (bytes == nullptr ||
        inet_ntop(address->sa_family, bytes, text.data(), text.size()) == nullptr) {
        return {};
    }
    return text.data();
}

bool is_loopback_v4(std::string_view host) {
    in_addr address{};
    return host.starts_with("127.") && inet_pton(AF_INET, std::string{host}.c_str(), &address) == 1;
}

} // namespace

bool own_addresses::contains(std::string_view host, time_point now) {
    if (is_loopback_v4(host) || all_.contains(std::string{host})) {
        return true;
    }
    if (read_at_ != time_point::min() && now - read_at_ < read_again_after) {
        return false;
    }
    read_at_ = now;
    read();
    return all_.contains(std::string{host});
}

void own_addresses::read() {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) {
        return; // the addresses read before stay
    }
    all_.clear();
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
        if (std::string text = text_of(each->ifa_addr); !text.empty()) {
            all_.insert(std::move(text));
        }
    }
    freeifaddrs(first);
}

} // namespace msd::net
