// SPDX-License-Identifier: Apache-2.0
#include "wire/forwarded.hpp"

#include "wire/http_char.hpp"
#include "wire/http_line.hpp"

#include <algorithm>

namespace msd::wire {

namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view address_chars = "0123456789abcdefABCDEF:.";

void skip_blanks(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::string_view take_token(std::string_view& text) {
    const auto* const end = std::ranges::find_if_not(text, is_token_char);
    const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(token.size());
    return token;
}

// A quoted string, whose first quote has been seen; false: it does not end.
bool take_quoted(std::string_view& text, std::string& value) {
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\') {
            text.remove_prefix(1);
            if (text.empty()) {
                break;
            }
        }
        value += text.front();
        text.remove_prefix(1);
    }
    if (text.empty()) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

// One `name=value`.
bool take_pair(std::string_view& text, forwarded_element& into) {
    const std::string_view name = take_token(text);
    if (name.empty() || !text.starts_with('=')) {
        return false;
    }
    text.remove_prefix(1);
    std::string value;
    if (text.starts_with('"')) {
        if (!take_quoted(text, value)) {
            return false;
        }
    } else {
        value = take_token(text);
    }
    if (same_text(name, "for")) {
        into.node = std::move(value);
    } else if (same_text(name, "proto")) {
        into.proto = std::move(value);
    } else if (same_text(name, "host")) {
        into.host = std::move(value);
    }
    return true;
}

// The pairs up to the next comma.
bool take_element(std::string_view& text, forwarded_element& into) {
    for (;;) {
        skip_blanks(text);
        if (!text.empty() && text.front() != ';' && text.front() != ',' && !take_pair(text, into)) {
            return false;
        }
        skip_blanks(text);
        if (text.empty() || text.front() == ',') {
            return true;
        }
        if (text.front() != ';') {
            return false;
        }
        text.remove_prefix(1);
    }
}

bool is_port(std::string_view text) {
    return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

bool has_only_address_chars(std::string_view text) {
    return !text.empty() && text.find_first_not_of(address_chars) == std::string_view::npos;
}

} // namespace

std::optional<std::vector<forwarded_element>> read_forwarded(std::string_view field) {
    std::vector<forwarded_element> out;
    for (;;) {
        if (out.size() == forwarded_elements_max) {
            return std::nullopt;
        }
        if (!take_element(field, out.emplace_back())) {
            return std::nullopt;
        }
        if (field.empty()) {
            return out;
        }
        field.remove_prefix(1); // the comma
    }
}

std::string_view address_of_node(std::string_view node) {
    if (node.starts_with('[')) {
        const std::size_t end = node.find(']');
        const std::string_view behind =
            end == std::string_view::npos ? std::string_view{} : node.substr(end + 1);
        const bool is_whole =
            behind.empty() || (behind.front() == ':' && is_port(behind.substr(1)));
        node = end != std::string_view::npos && is_whole ? node.substr(1, end - 1)
                                                         : std::string_view{};
    } else if (std::ranges::count(node, ':') == 1) {
        const std::size_t colon = node.find(':');
        node = is_port(node.substr(colon + 1)) ? node.substr(0, colon) : std::string_view{};
    }
    return has_only_address_chars(node) ? node : std::string_view{};
}

} // namespace msd::wire
