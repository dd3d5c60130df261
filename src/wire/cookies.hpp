// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace msd::wire {

/// The value of the first cookie with this name in a Cookie field (RFC 6265, 4.2.1) for which
/// `accepts` returns true; nullopt: there is none. Names are case-sensitive.
template <class Rule>
[[nodiscard]] std::optional<std::string_view>
cookie_value(std::string_view field, std::string_view name, Rule accepts) {
    while (!field.empty()) {
        const std::size_t end = std::min(field.find(';'), field.size());
        std::string_view pair = field.substr(0, end);
        field.remove_prefix(std::min(end + 1, field.size()));
        pair.remove_prefix(std::min(pair.find_first_not_of(" \t"), pair.size()));
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=') &&
            accepts(pair.substr(name.size() + 1))) {
            return pair.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

} // namespace msd::wire
