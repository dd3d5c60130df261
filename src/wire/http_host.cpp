// SPDX-License-Identifier: Apache-2.0
#include "wire/http_host.hpp"

#include "wire/http_char.hpp"
#include "wire/http_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace msd::wire {

namespace {

constexpr std::size_t groups_in_address = 8;
constexpr std::size_t digits_in_group_max = 4;
using ipv6_address = std::array<std::uint16_t, groups_in_address>;

struct host_and_port {
    std::string_view host; // with the brackets of an address
    std::string_view port; // digits, or nothing
};

// Reads "h", "h:80" and "[::1]:80" apart. Nothing when a bracket is not closed, when something
// other than a port follows the host, or when the port holds anything but digits.
std::optional<host_and_port> split(std::string_view text) {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        ++end;
    } else {
        end = std::min(text.find(':'), text.size());
    }
    const std::string_view rest = text.substr(end);
    if (!rest.empty() && (rest.front() != ':' || !std::ranges::all_of(rest.substr(1), is_digit))) {
        return std::nullopt;
    }
    return host_and_port{text.substr(0, end), rest.substr(rest.empty() ? 0 : 1)};
}

// Unreserved characters, sub-delimiters, and percent-escapes of two hexadecimal digits.
bool is_registered_name(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_unreserved(text[at]) || is_sub_delimiter(text[at])) {
            continue;
        }
        const bool escape = text[at] == '%' && at + 2 < text.size() && is_hex_digit(text[at + 1]) &&
                            is_hex_digit(text[at + 2]);
        if (!escape) {
            return false;
        }
        at += 2;
    }
    return !text.empty();
}

// Reads a group of an IPv6 address from the front of `text`.
std::optional<std::uint16_t> take_group(std::string_view& text) {
    const std::size_t digits =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_hex_digit) - text.begin());
    if (digits == 0 || digits > digits_in_group_max) {
        return std::nullopt;
    }
    std::uint16_t group = 0;
    std::from_chars(text.data(), text.data() + digits, group, 16);
    text.remove_prefix(digits);
    return group;
}

// Reads four decimal numbers up to 255, without leading zeros; the whole text must be them.
std::optional<std::uint32_t> read_ipv4(std::string_view text) {
    std::uint32_t address = 0;
    for (int part = 0; part < 4; ++part) {
        if (part != 0) {
            if (!text.starts_with('.')) {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
        const auto digits =
            static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
        unsigned number = 0;
        if (digits == 0 || digits > 3 || (digits > 1 && text.front() == '0') ||
            std::from_chars(text.data(), text.data() + digits, number).ptr !=
                text.data() + digits ||
            number > 255) {
            return std::nullopt;
        }
        address = address << 8U | number;
        text.remove_prefix(digits);
    }
    return text.empty() ? std::optional{address} : std::nullopt;
}

// The groups of an address, on both sides of "::".
class group_list {
public:
    [[nodiscard]] bool add(std::uint16_t group) {
        if (count_ == groups_.size()) {
            return false;
        }
        groups_.at(count_++) = group;
        return true;
    }

    // Marks where "::" stands; an address has at most one.
    [[nodiscard]] bool mark_gap() {
        if (gap_) {
            return false;
        }
        gap_ = count_;
        return true;
    }

    // All eight groups; "::" stands for at least one.
    [[nodiscard]] std::optional<ipv6_address> expand() const {
        if (gap_ ? count_ == groups_.size() : count_ != groups_.size()) {
            return std::nullopt;
        }
        ipv6_address out{};
        const std::size_t before = gap_.value_or(count_);
        std::copy_n(groups_.begin(), before, out.begin());
        std::copy_n(
            groups_.begin() + static_cast<std::ptrdiff_t>(before),
            count_ - before,
            out.end() - static_cast<std::ptrdiff_t>(count_ - before)
        );
        return out;
    }

private:
    ipv6_address groups_{};
    std::size_t count_ = 0;
    std::optional<std::size_t> gap_;
};

std::optional<ipv6_address> read_ipv6(std::string_view text) {
    group_list groups;
    if (text.starts_with("::")) {
        text.remove_prefix(2);
        if (!groups.mark_gap()) {
            return std::nullopt;
        }
    }
    while (!text.empty()) {
        if (const auto ipv4 = read_ipv4(text)) { // only at the end, for the last two groups
            const bool fits = groups.add(static_cast<std::uint16_t>(*ipv4 >> 16U)) &&
                              groups.add(static_cast<std::uint16_t>(*ipv4 & 0xFFFFU));
            return fits ? groups.expand() : std::nullopt;
        }
        const auto group = take_group(text);
        if (!group || !groups.add(*group)) {
            return std::nullopt;
        }
        if (text.starts_with("::")) {
            text.remove_prefix(2);
            if (!groups.mark_gap()) {
                return std::nullopt;
            }
        } else if (text.starts_with(':') && text.size() > 1) {
            text.remove_prefix(1);
        } else if (!text.empty()) {
            return std::nullopt;
        }
    }
    return groups.expand();
}

// "v", hexadecimal digits, ".", and what the address is.
bool is_ipv_future(std::string_view text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot < 2 || to_lower(text.front()) != 'v') {
        return false;
    }
    const std::string_view address = text.substr(dot + 1);
    return std::ranges::all_of(text.substr(1, dot - 1), is_hex_digit) && !address.empty() &&
           std::ranges::all_of(address, [](char c) {
               return is_unreserved(c) || is_sub_delimiter(c) || c == ':';
           });
}

bool is_bracketed(std::string_view host) {
    return host.starts_with('[');
}

std::string_view without_brackets(std::string_view host) {
    return host.substr(1, host.size() - 2);
}

std::string_view without_leading_zeros(std::string_view digits) {
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
}

} // namespace

bool is_host(std::string_view text) {
    const auto parts = split(text);
    if (!parts) {
        return false;
    }
    if (!is_bracketed(parts->host)) {
        return is_registered_name(parts->host);
    }
    const std::string_view address = without_brackets(parts->host);
    return read_ipv6(address).has_value() || is_ipv_future(address);
}

bool is_same_host(std::string_view one, std::string_view other, std::uint16_t default_port) {
    if (same_text(one, other)) {
        return true;
    }
    const auto a = split(one);
    const auto b = split(other);
    if (!a || !b) {
        return false;
    }
    const std::string usual = std::to_string(default_port);
    const auto port = [&usual](const host_and_port& parts) {
        return parts.port.empty() ? std::string_view{usual} : without_leading_zeros(parts.port);
    };
    if (port(*a) != port(*b)) {
        return false;
    }
    if (same_text(a->host, b->host)) {
        return true;
    }
    if (!is_bracketed(a->host) || !is_bracketed(b->host)) {
        return false;
    }
    const auto first = read_ipv6(without_brackets(a->host));
    return first && first == read_ipv6(without_brackets(b->host));
}

} // namespace msd::wire
