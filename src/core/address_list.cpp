// SPDX-License-Identifier: Apache-2.0
#include "core/address_list.hpp"

#include "core/advertised_host.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace msd::core {

namespace {

constexpr unsigned bits_of_v6 = 128;
constexpr unsigned bits_of_v4 = 32;
constexpr std::array<unsigned char, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::string_view without_space(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(space);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string lower(std::string_view text) {
    std::string made{text};
    std::transform(made.begin(), made.end(), made.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return made;
}

tl::unexpected<error> wrong(std::string_view entry, std::string_view what) {
    return fail(errc::invalid, "'" + std::string{entry} + "' " + std::string{what});
}

std::optional<unsigned> read_bits(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, bits);
    if (failure != std::errc{} || stop != end || bits > most) {
        return std::nullopt;
    }
    return bits;
}

} // namespace

bool address_list::read_address(std::string_view text, address& into) {
    if (text.find('\0') != std::string_view::npos) {
        return false; // inet_pton would stop there
    }
    const std::string terminated{text};
    in_addr v4{};
    if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) {
        std::copy(mapped_prefix.begin(), mapped_prefix.end(), into.begin());
        std::memcpy(into.data() + mapped_prefix.size(), &v4, sizeof v4);
        return true;
    }
    return inet_pton(AF_INET6, terminated.c_str(), into.data()) == 1;
}

bool address_list::is_inside(const address& one, const range& of) {
    const std::size_t whole = of.bits / 8;
    if (!std::equal(one.begin(), one.begin() + whole, of.first.begin())) {
        return false;
    }
    const unsigned rest = of.bits % 8;
    return rest == 0 || (one.at(whole) ^ of.first.at(whole)) >> (8 - rest) == 0;
}

result<void> address_list::add(std::string_view entry, names with) {
    const std::size_t slash = entry.find('/');
    const std::string_view host = entry.substr(0, slash);
    range made{};
    if (!read_address(host, made.first)) {
        if (with == names::accepted && slash == std::string_view::npos &&
            check_advertised_host(host)) {
            names_.push_back(lower(host));
            return {};
        }
        return wrong(
            entry,
            with == names::accepted ? "is no address, no range of addresses and no host name"
                                    : "is neither an IP address nor a range such as 10.0.0.0/8"
        );
    }
    const bool is_v4 = host.find(':') == std::string_view::npos;
    const unsigned most = is_v4 ? bits_of_v4 : bits_of_v6;
    made.bits = bits_of_v6;
    if (slash != std::string_view::npos) {
        const auto bits = read_bits(entry.substr(slash + 1), most);
        if (!bits) {
            return wrong(
                entry,
                "has to have a number from 0 to " + std::to_string(most) + " after its /"
            );
        }
        made.bits = bits_of_v6 - most + *bits;
    }
    address cleared{};
    const std::size_t whole = made.bits / 8;
    std::copy(made.first.begin(), made.first.begin() + whole, cleared.begin());
    if (const unsigned rest = made.bits % 8; rest != 0) {
        cleared.at(whole) = static_cast<unsigned char>(made.first.at(whole) & 0xFFU << (8 - rest));
    }
    if (cleared != made.first) {
        return wrong(entry, "has bits beyond its prefix: write the first address of the range");
    }
    ranges_.push_back(made);
    return {};
}

result<address_list> address_list::parse(std::string_view text, names with) {
    address_list made;
    made.text_ = text;
    std::string_view rest = text;
    bool has_more = !without_space(text).empty();
    while (has_more) {
        const std::size_t comma = rest.find(',');
        const std::string_view entry = without_space(rest.substr(0, comma));
        if (entry.empty()) {
            return fail(errc::invalid, "an entry is empty: separate the entries with one comma");
        }
        if (made.ranges_.size() + made.names_.size() >= entries_max) {
            return fail(errc::invalid, "has more than " + std::to_string(entries_max) + " entries");
        }
        if (auto added = made.add(entry, with); !added) {
            return tl::unexpected{std::move(added.error())};
        }
        has_more = comma != std::string_view::npos;
        rest.remove_prefix(has_more ? comma + 1 : rest.size());
    }
    return made;
}

bool address_list::contains(std::string_view host) const {
    address one{};
    if (read_address(host, one)) {
        return std::any_of(ranges_.begin(), ranges_.end(), [&one](const range& each) {
            return is_inside(one, each);
        });
    }
    return !names_.empty() && std::find(names_.begin(), names_.end(), lower(host)) != names_.end();
}

} // namespace msd::core
