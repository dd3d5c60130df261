// SPDX-License-Identifier: Apache-2.0
#include "wire/http_field.hpp"

#include "wire/http_char.hpp"
#include "wire/http_line.hpp"

#include <algorithm>

namespace msd::wire {

namespace {

// Decodes a structured-field string without its quotes. Nothing when it holds a character that such
// a string cannot hold, or another escape than \" and \\.
std::optional<std::string> unescape(std::string_view inner) {
    std::string out;
    for (std::size_t at = 0; at < inner.size(); ++at) {
        char c = inner[at];
        if (c == '\\') {
            c = ++at < inner.size() ? inner[at] : '\0';
            if (c != '"' && c != '\\') {
                return std::nullopt;
            }
        }
        if (!is_visible(c) && c != ' ') {
            return std::nullopt;
        }
        out += c;
    }
    return out;
}

constexpr bool is_parameter_name_char(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
}

// Any bare item but a string: a number, a token, ?0 and ?1, and bytes between colons.
bool is_bare_value_char(char c) {
    return is_token_char(c) || c == ':' || c == '/' || c == '?' || c == '=';
}

// Takes the characters off the front of `text` that `belongs` knows; false when there are none.
template <class Belongs>
bool take_while(std::string_view& text, Belongs belongs) {
    const auto bytes = std::ranges::find_if_not(text, belongs) - text.begin();
    text.remove_prefix(static_cast<std::size_t>(bytes));
    return bytes != 0;
}

// RFC 8941, 3.1.2: ;name or ;name=value any number of times, blanks behind the semicolon only.
bool are_parameters(std::string_view text) {
    while (!text.empty()) {
        if (text.front() != ';') {
            return false;
        }
        text.remove_prefix(std::min(text.find_first_not_of(' ', 1), text.size()));
        if (text.empty() || is_digit(text.front()) || !take_while(text, is_parameter_name_char)) {
            return false;
        }
        if (!text.starts_with('=')) {
            continue;
        }
        text.remove_prefix(1);
        const std::size_t quoted = quoted_string_bytes(text);
        text.remove_prefix(quoted);
        if (quoted == 0 && !take_while(text, is_bare_value_char)) {
            return false;
        }
    }
    return true;
}

std::optional<std::string> quoted_key(std::string_view value) {
    const std::size_t bytes = quoted_string_bytes(value);
    if (bytes == 0 || !are_parameters(value.substr(bytes))) {
        return std::nullopt;
    }
    return unescape(value.substr(1, bytes - 2));
}

std::optional<std::string> bare_key(std::string_view value) {
    const bool good =
        std::ranges::all_of(value, [](char c) { return is_visible(c) && c != '"' && c != ','; });
    return good ? std::optional<std::string>{value} : std::nullopt;
}

} // namespace

std::size_t quoted_string_bytes(std::string_view text) {
    if (!text.starts_with('"')) {
        return 0;
    }
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            return at + 1;
        }
        at += text[at] == '\\' ? 1U : 0U; // the next character is quoted
        if (at < text.size() && !is_value_char(text[at])) {
            return 0;
        }
    }
    return 0;
}

bool is_list(std::string_view value) {
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (value[at] == ',') {
            return true;
        }
        if (value[at] == '"') {
            const std::size_t bytes = quoted_string_bytes(value.substr(at));
            at += bytes == 0 ? 0 : bytes - 1;
        }
    }
    return false;
}

bool is_identity(std::string_view content_encoding) {
    bool identity = true;
    for_each_in_list(content_encoding, [&identity](std::string_view coding) {
        identity = identity && (coding.empty() || same_text(coding, "identity"));
    });
    return identity;
}

std::optional<std::string> idempotency_key_of(std::string_view value) {
    auto key = value.starts_with('"') ? quoted_key(value) : bare_key(value);
    if (!key || key->empty() || key->size() > idempotency_key_bytes_max) {
        return std::nullopt;
    }
    return key;
}

} // namespace msd::wire
