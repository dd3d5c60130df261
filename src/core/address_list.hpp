// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// A list of addresses from the configuration: "10.0.0.0/8, 192.168.1.5, fd00::/8". IPv4-mapped IPv6
// addresses are IPv4 addresses. A list may also contain host names, which are compared as texts and
// never looked up.
class address_list {
public:
    enum class names : std::uint8_t { refused, accepted };

    static constexpr std::size_t entries_max = 256;

    address_list() = default;

    /// Entries are separated by commas; white space around them is ignored, and an empty text is an
    /// empty list. errc::invalid: the text names the entry and what is wrong with it.
    [[nodiscard]] static result<address_list> parse(std::string_view text, names with = {});

    /// `host` is an address in one of the ranges, or one of the names in any case. False for an
    /// address with a zone (fe80::1%eth0).
    [[nodiscard]] bool contains(std::string_view host) const;

    [[nodiscard]] bool empty() const { return ranges_.empty() && names_.empty(); }
    /// The text that was parsed.
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    using address = std::array<unsigned char, 16>; // IPv4 as IPv4-mapped IPv6

    struct range {
        address first;
        unsigned bits; // of the prefix
    };

    [[nodiscard]] static bool read_address(std::string_view text, address& into);
    [[nodiscard]] static bool is_inside(const address& one, const range& of);
    [[nodiscard]] result<void> add(std::string_view entry, names with);

    std::string text_;
    std::vector<range> ranges_;
    std::vector<std::string> names_; // in lower case
};

} // namespace msd::core
