// SPDX-License-Identifier: Apache-2.0
#include "base/secret_names.hpp"

#include "base/unescape.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>

namespace msd {

namespace {

constexpr std::array<std::string_view, 6>
    secret_words{"password", "passwd", "secret", "token", "authorization", "cookie"};
constexpr std::string_view api_begin = "api"; // then any separators, then api_end
constexpr std::string_view api_end = "key";
constexpr std::string_view first_letters = "\\psatc"; // of all of these, and of \u
constexpr std::string_view separators = "-_. ";
constexpr int rounds_max = 3; // of escapes in escapes

constexpr auto npos = std::string_view::npos;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// `word` in small letters.
bool starts_with(std::string_view text, std::string_view word) {
    return text.size() >= word.size() &&
           std::equal(word.begin(), word.end(), text.begin(), [](char wanted, char seen) {
               return wanted == lower(seen);
           });
}

bool begins_with_secret_word(std::string_view text) {
    return std::ranges::any_of(secret_words, [text](std::string_view word) {
        return starts_with(text, word);
    });
}

bool holds_secret_word(std::string_view name) {
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (begins_with_secret_word(name.substr(at))) {
            return true;
        }
    }
    return holds_api_key(name);
}

} // namespace

bool holds_api_key(std::string_view name) {
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (!starts_with(name.substr(at), api_begin)) {
            continue;
        }
        const std::size_t next = name.find_first_not_of(separators, at + api_begin.size());
        if (next != npos && starts_with(name.substr(next), api_end)) {
            return true;
        }
    }
    return false;
}

bool fills_line(std::string_view name) {
    std::string letters;
    std::ranges::transform(name, std::back_inserter(letters), lower);
    return letters.find("authorization") != npos || letters.find("cookie") != npos;
}

bool is_secret_name(std::string_view name) {
    if (holds_secret_word(name)) {
        return true;
    }
    std::string plain{name};
    for (int round = 0; round < rounds_max && plain.find_first_of("%\\+") != npos; ++round) {
        plain = percent_unescaped(unescaped(plain));
        if (holds_secret_word(plain)) {
            return true;
        }
    }
    return false;
}

bool may_hold_secret(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char first = lower(text[at]);
        if (first == '%') {
            return true;
        }
        if (first_letters.find(first) == npos) {
            continue;
        }
        const std::string_view rest = text.substr(at);
        if (starts_with(rest, "\\u") || starts_with(rest, api_begin) ||
            begins_with_secret_word(rest)) {
            return true;
        }
    }
    return false;
}

} // namespace msd
