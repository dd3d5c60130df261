// SPDX-License-Identifier: Apache-2.0
#include "process/connectable.hpp"

#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace msd::process {

namespace {

constexpr std::size_t name_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

bool is_label_character(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= label_bytes_max && text.front() != '-' &&
           text.back() != '-' && std::all_of(text.begin(), text.end(), is_label_character);
}

bool is_digit(unsigned char c) {
    return c >= '0' && c <= '9';
}

bool is_hexadecimal_digit(unsigned char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Decimal or octal digits, or hexadecimal ones behind 0x.
bool is_number(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        return std::all_of(text.begin(), text.end(), is_hexadecimal_digit);
    }
    return std::all_of(text.begin(), text.end(), is_digit);
}

bool is_host_name(std::string_view text) {
    if (text.ends_with('.')) {
        text.remove_suffix(1); // the root: "db.local."
    }
    if (text.size() > name_bytes_max) {
        return false;
    }
    for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
        if (!is_label(text.substr(0, dot))) {
            return false;
        }
        text.remove_prefix(dot + 1);
    }
    // A last label that is a number is an address in another notation ("10.0.0", "256.1.1.1",
    // "0x0"), not a name; inet_aton(), and so getaddrinfo(), reads some of them.
    return is_label(text) && !is_number(text);
}

tl::unexpected<error> unconnectable(std::string_view host, std::string_view why) {
    return fail(errc::invalid, fmt::format("nodes cannot connect to \"{}\": {}", host, why));
}

constexpr std::string_view unspecified =
    "it means every address of a host; write the address or the name of this host";

result<void> check_ipv4(std::string_view host, const in_addr& address) {
    const std::uint32_t bits = ntohl(address.s_addr);
    if (bits >> 24U == 0) {
        return unconnectable(host, unspecified);
    }
    if (bits >= 0xe0000000U) { // 224.0.0.0 and above: multicast, reserved, broadcast
        return unconnectable(host, "it is not the address of a single host");
    }
    return {};
}

} // namespace

result<void> check_connectable(std::string_view host) {
    in_addr v4{};
    if (inet_pton(AF_INET, std::string{host}.c_str(), &v4) == 1) {
        return check_ipv4(host, v4);
    }
    if (host.find(':') != std::string_view::npos) {
        in6_addr v6{};
        const std::string address{host.substr(0, host.find('%'))};
        if (!plain_ipv6(host) || inet_pton(AF_INET6, address.c_str(), &v6) != 1) {
            return unconnectable(host, "it is neither a host name nor an address");
        }
        if (IN6_IS_ADDR_UNSPECIFIED(&v6)) {
            return unconnectable(host, unspecified);
        }
        if (IN6_IS_ADDR_MULTICAST(&v6)) {
            return unconnectable(host, "it is not the address of a single host");
        }
        return {};
    }
    if (!is_host_name(host)) {
        return unconnectable(host, "it is neither a host name nor an address");
    }
    return {};
}

} // namespace msd::process
