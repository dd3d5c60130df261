// SPDX-License-Identifier: Apache-2.0
#include "core/advertised_host.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace msd::core {

namespace {

constexpr std::size_t name_bytes_max = 253; // of a host name, without a dot at its end
constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t zone_bytes_max = 15; // the name of a network interface
constexpr unsigned multicast_v4_first = 224;
constexpr unsigned link_local_v4_first = 169; // 169.254.0.0/16
constexpr unsigned link_local_v4_second = 254;

enum class scope : std::uint8_t { one_machine, unspecified, link_local, multicast };

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_label_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= label_bytes_max && !text.starts_with('-') &&
           !text.ends_with('-') && std::all_of(text.begin(), text.end(), is_label_character);
}

bool is_zone(std::string_view text) {
    return !text.empty() && text.size() <= zone_bytes_max &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_label_character(c) || c == '.';
           });
}

// Reads `text` into `address`. inet_pton stops at a NUL, so such a text is refused here.
template <typename Address>
bool read_address(int family, std::string_view text, Address& address) {
    return text.find('\0') == std::string_view::npos &&
           inet_pton(family, std::string{text}.c_str(), &address) == 1;
}

scope scope_of_v4(unsigned first_octet, unsigned second_octet) {
    if (first_octet == 0) {
        return scope::unspecified;
    }
    if (first_octet == link_local_v4_first && second_octet == link_local_v4_second) {
        return scope::link_local;
    }
    return first_octet >= multicast_v4_first ? scope::multicast : scope::one_machine;
}

scope scope_of_v6(const in6_addr& address) {
    if (IN6_IS_ADDR_UNSPECIFIED(&address)) {
        return scope::unspecified;
    }
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        return scope_of_v4(address.s6_addr[12], address.s6_addr[13]);
    }
    if (IN6_IS_ADDR_LINKLOCAL(&address)) {
        return scope::link_local;
    }
    return IN6_IS_ADDR_MULTICAST(&address) ? scope::multicast : scope::one_machine;
}

// Nothing when `host` is not an IP address.
std::optional<scope> scope_of(std::string_view host) {
    in_addr v4{};
    if (read_address(AF_INET, host, v4)) {
        const std::uint32_t address = ntohl(v4.s_addr);
        return scope_of_v4(address >> 24U, (address >> 16U) & 0xFFU);
    }
    const std::size_t percent = host.find('%');
    if (percent != std::string_view::npos && !is_zone(host.substr(percent + 1))) {
        return std::nullopt;
    }
    in6_addr v6{};
    if (read_address(AF_INET6, host.substr(0, percent), v6)) {
        return scope_of_v6(v6);
    }
    return std::nullopt;
}

// Resolvers read "127.1" and "0x7f.0x1" as addresses, so a name must not end in a number.
bool is_number(std::string_view label) {
    if (label.starts_with("0x") || label.starts_with("0X")) {
        return std::all_of(label.begin() + 2, label.end(), is_hex_digit);
    }
    return std::all_of(label.begin(), label.end(), is_digit);
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
    return is_label(text) && !is_number(text);
}

tl::unexpected<error> unusable(std::string_view host, std::string_view why) {
    return fail(errc::invalid, "host '" + std::string{host} + "' " + std::string{why});
}

} // namespace

result<void> check_advertised_host(std::string_view host) {
    const std::optional<scope> reach = scope_of(host);
    if (reach == scope::unspecified) {
        return unusable(
            host,
            "means every address of a machine; give the address that other nodes connect to"
        );
    }
    // Cloud platforms serve credentials of a machine at such an address, to the machine itself.
    if (reach == scope::link_local) {
        return unusable(
            host,
            "is link-local: it means another machine on each link; give an address that is the "
            "same for all nodes"
        );
    }
    if (reach == scope::multicast) {
        return unusable(host, "is not the address of one machine");
    }
    if (!reach && !is_host_name(host)) {
        return unusable(host, "is neither an IP address nor a host name");
    }
    return {};
}

} // namespace msd::core
