// SPDX-License-Identifier: Apache-2.0
#include "core/replication_position.hpp"

#include <algorithm>
#include <charconv>

namespace msd::core {

namespace {

// Removes a number and the `-` after it from the front of `text`; the last number has no `-`.
template <class Number>
bool take_number(std::string_view& text, Number& into, bool last) {
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), end, into);
    if (reason != std::errc{}) {
        return false;
    }
    text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
    if (last) {
        return text.empty();
    }
    if (!text.starts_with('-')) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

} // namespace

std::optional<replication_position::domain> replication_position::parse_one(std::string_view text) {
    domain read;
    std::uint32_t server = 0;
    if (!take_number(text, read.id, false) || !take_number(text, server, false) ||
        !take_number(text, read.number, true)) {
        return std::nullopt;
    }
    return read;
}

std::optional<replication_position> replication_position::parse(std::string_view text) {
    replication_position read;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const auto one = parse_one(text.substr(0, comma));
        if (!one || read.domains_.size() == domains_max) {
            return std::nullopt;
        }
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        if (comma != std::string_view::npos && text.empty()) {
            return std::nullopt;
        }
        // A server's state may name a domain once for each server that wrote in it.
        const auto known = std::ranges::find(read.domains_, one->id, &domain::id);
        if (known == read.domains_.end()) {
            read.domains_.push_back(*one);
        } else {
            known->number = std::max(known->number, one->number);
        }
    }
    std::ranges::sort(read.domains_, {}, &domain::id);
    return read;
}

bool replication_position::covers(const replication_position& other) const {
    return std::ranges::all_of(other.domains_, [this](const domain& wanted) {
        const auto mine = std::ranges::find(domains_, wanted.id, &domain::id);
        return wanted.number == 0 || (mine != domains_.end() && mine->number >= wanted.number);
    });
}

} // namespace msd::core
