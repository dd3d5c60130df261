// SPDX-License-Identifier: Apache-2.0
#include "core/advertised_host.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace msd::core {

namespace {

constexpr std::size_t name_bytes_max = 253; // of a host name, without a dot at its end
constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t zone_bytes_max = 15; // the name of a network interface
constexpr unsigned multicast_v4_first = 224;
constexpr std::uint16_t multicast_v6_first = 0xFF00;
constexpr std::uint16_t mapped_group = 0xFFFF;

using v4_octets = std::array<unsigned, 4>;
using v6_groups = std::vector<std::uint16_t>;

enum class use : std::uint8_t { one_machine, unspecified, multicast };

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_label_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

// The whole of `text` as a number of the given base and of at most `digits_max` digits.
std::optional<unsigned> whole_number(std::string_view text, int base, std::size_t digits_max) {
    const auto is_wanted = base == 10 ? is_digit : is_hex_digit;
    if (text.empty() || text.size() > digits_max ||
        !std::all_of(text.begin(), text.end(), is_wanted)) {
        return std::nullopt;
    }
    unsigned number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number, base);
    return number;
}

std::optional<v4_octets> read_v4(std::string_view text) {
    const auto parts = split(text, '.');
    v4_octets octets{};
    if (parts.size() != octets.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < octets.size(); ++i) {
        const auto number = whole_number(parts[i], 10, 3);
        const bool has_extra_zero = parts[i].size() > 1 && parts[i].front() == '0';
        if (!number || *number > UINT8_MAX || has_extra_zero) {
            return std::nullopt;
        }
        octets[i] = *number;
    }
    return octets;
}

// Groups separated by colons; the last one may be an IPv4 address, which stands for two.
std::optional<v6_groups> read_groups(std::string_view text, bool may_end_in_v4) {
    v6_groups groups;
    if (text.empty()) {
        return groups;
    }
    const auto parts = split(text, ':');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (const auto number = whole_number(parts[i], 16, 4)) {
            groups.push_back(static_cast<std::uint16_t>(*number));
            continue;
        }
        const auto v4 = i + 1 == parts.size() && may_end_in_v4 ? read_v4(parts[i]) : std::nullopt;
        if (!v4) {
            return std::nullopt;
        }
        groups.push_back(static_cast<std::uint16_t>((*v4)[0] * 256 + (*v4)[1]));
        groups.push_back(static_cast<std::uint16_t>((*v4)[2] * 256 + (*v4)[3]));
    }
    return groups;
}

std::optional<v6_groups> read_v6(std::string_view text) {
    constexpr std::size_t group_count = 8;
    if (const std::size_t percent = text.find('%'); percent != std::string_view::npos) {
        const std::string_view zone = text.substr(percent + 1);
        const bool is_usable = std::all_of(zone.begin(), zone.end(), [](char c) {
            return is_label_character(c) || c == '.';
        });
        if (zone.empty() || zone.size() > zone_bytes_max || !is_usable) {
            return std::nullopt;
        }
        text = text.substr(0, percent);
    }
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        auto groups = read_groups(text, true);
        return groups && groups->size() == group_count ? groups : std::nullopt;
    }
    auto before = read_groups(text.substr(0, gap), false);
    const auto after = read_groups(text.substr(gap + 2), true);
    if (!before || !after || before->size() + after->size() >= group_count) {
        return std::nullopt;
    }
    before->resize(group_count - after->size());
    before->insert(before->end(), after->begin(), after->end());
    return before;
}

use use_of(const v4_octets& octets) {
    if (octets[0] == 0) {
        return use::unspecified;
    }
    return octets[0] >= multicast_v4_first ? use::multicast : use::one_machine;
}

use use_of(const v6_groups& groups) {
    const auto is_zero = [](std::uint16_t group) {
        return group == 0;
    };
    if (std::all_of(groups.begin(), groups.end(), is_zero)) {
        return use::unspecified;
    }
    if (std::all_of(groups.begin(), groups.begin() + 5, is_zero) && groups[5] == mapped_group) {
        return use_of(
            v4_octets{groups[6] / 256U, groups[6] % 256U, groups[7] / 256U, groups[7] % 256U}
        );
    }
    return groups[0] >= multicast_v6_first ? use::multicast : use::one_machine;
}

// Resolvers take "127.1" and "0x7f.0x1" for addresses, so a name must not end in a number.
bool is_number(std::string_view label) {
    if (label.starts_with("0x") || label.starts_with("0X")) {
        return std::all_of(label.begin() + 2, label.end(), is_hex_digit);
    }
    return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_host_name(std::string_view text) {
    if (text.ends_with('.')) {
        text.remove_suffix(1);
    }
    if (text.empty() || text.size() > name_bytes_max) {
        return false;
    }
    const auto labels = split(text, '.');
    const auto is_usable = [](std::string_view label) {
        return !label.empty() && label.size() <= label_bytes_max && !label.starts_with('-') &&
               !label.ends_with('-') && std::all_of(label.begin(), label.end(), is_label_character);
    };
    return std::all_of(labels.begin(), labels.end(), is_usable) && !is_number(labels.back());
}

tl::unexpected<error> unusable(std::string_view host, std::string_view why) {
    return fail(errc::invalid, "host '" + std::string{host} + "' " + std::string{why});
}

} // namespace

result<void> check_advertised_host(std::string_view host) {
    std::optional<use> means;
    if (const auto v4 = read_v4(host)) {
        means = use_of(*v4);
    } else if (const auto v6 = read_v6(host)) {
        means = use_of(*v6);
    }
    if (means == use::unspecified) {
        return unusable(
            host,
            "means every address of a machine; give the address that other nodes connect to"
        );
    }
    if (means == use::multicast) {
        return unusable(host, "is not the address of one machine");
    }
    if (!means && !is_host_name(host)) {
        return unusable(host, "is neither an IP address nor a host name");
    }
    return {};
}

} // namespace msd::core
