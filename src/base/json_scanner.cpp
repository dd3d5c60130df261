// SPDX-License-Identifier: Apache-2.0
#include "base/json_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace msd::json {

namespace {

using byte = unsigned char;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Bytes of a string that are neither escaped nor special.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 0x80; ++c) {
        table[c] = c != '"' && c != '\\';
    }
    return table;
}();

// Whether eight bytes are all plain: in the sum, the top bit of each byte shows whether it is not.
bool all_plain(const char* text) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t tops = 0x8080808080808080;
    std::uint64_t word = 0;
    std::memcpy(&word, text, sizeof word);
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t backslash = word ^ (ones * '\\');
    const std::uint64_t suspects =
        (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
    return (suspects & tops) == 0;
}

} // namespace

const char* skip_plain(const char* at, const char* end) {
    while (static_cast<std::size_t>(end - at) >= sizeof(std::uint64_t) && all_plain(at)) {
        at += sizeof(std::uint64_t);
    }
    while (at != end && plain[static_cast<byte>(*at)]) {
        ++at;
    }
    return at;
}

std::size_t utf8_sequence(const char* text, const char* end) {
    const auto left = static_cast<std::size_t>(end - text);
    const auto at = [text](std::size_t index) {
        return static_cast<byte>(text[index]);
    };
    const auto follows = [&](std::size_t index) {
        return (at(index) & 0xC0U) == 0x80U;
    };
    if (left == 0) {
        return 0;
    }
    const byte lead = at(0);
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xE0) { // C0 and C1 would be overlong
        return lead >= 0xC2 && left >= 2 && follows(1) ? 2 : 0;
    }
    if (lead < 0xF0) { // not overlong, no surrogates
        const bool good = left >= 3 && follows(1) && follows(2) &&
                          (lead != 0xE0 || at(1) >= 0xA0) && (lead != 0xED || at(1) < 0xA0);
        return good ? 3 : 0;
    }
    const bool good = left >= 4 && lead <= 0xF4 && follows(1) && follows(2) && follows(3) &&
                      (lead != 0xF0 || at(1) >= 0x90) && (lead != 0xF4 || at(1) < 0x90);
    return good ? 4 : 0;
}

bool scanner::fault(const char* what, errc code) {
    fault_ = what;
    fault_code_ = code;
    return false;
}

bool scanner::refuse_count(const char* what, std::size_t most) {
    most_ = most;
    return fault(what, errc::invalid);
}

tl::unexpected<error> scanner::failure() const {
    if (fault_code_ == errc::invalid) {
        return fail(errc::invalid, fmt::format("too many {}: send at most {}", fault_, most_));
    }
    if (fault_code_ == errc::malformed && at_end()) {
        return fail(
            errc::malformed,
            fmt::format("bad JSON: the text ends at byte {}", at_ - begin_)
        );
    }
    return fail(fault_code_, fmt::format("bad JSON at byte {}: {}", at_ - begin_, fault_));
}

void scanner::skip_space() {
    const char* at = at_;
    while (at != end_ && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        ++at;
    }
    at_ = at;
}

bool scanner::take(char wanted) {
    const bool found = at_ != end_ && *at_ == wanted;
    at_ += found ? 1 : 0;
    return found;
}

bool scanner::expect(char wanted) {
    if (take(wanted)) {
        return true;
    }
    switch (wanted) {
    case '{':
        return fault("an object is expected");
    case '[':
        return fault("an array is expected");
    case '"':
        return fault("a string is expected");
    case ':':
        return fault("a colon is expected");
    default:
        return fault("a comma or the end of the object or array is expected");
    }
}

bool scanner::string(bool& has_escape) {
    has_escape = false;
    if (!expect('"')) {
        return false;
    }
    for (;;) {
        at_ = skip_plain(at_, end_);
        if (at_ == end_) {
            return false;
        }
        if (*at_ == '"') {
            ++at_;
            return true;
        }
        if (*at_ == '\\') {
            has_escape = true;
            if (!escape()) {
                return false;
            }
        } else if (static_cast<byte>(*at_) < 0x20) {
            return fault("a control character in a string");
        } else if (const std::size_t bytes = utf8_sequence(at_, end_); bytes != 0) {
            at_ += bytes;
        } else {
            return fault("not UTF-8");
        }
    }
}

bool scanner::escape() {
    ++at_;
    if (at_ == end_) {
        return false;
    }
    if (*at_ != 'u') {
        const bool known = std::string_view{"\"\\/bfnrt"}.find(*at_) != std::string_view::npos;
        at_ += known ? 1 : 0;
        return known || fault("a bad escape");
    }
    ++at_;
    if (end_ - at_ >= 4 && is_hex_digit(at_[0]) && is_hex_digit(at_[1]) && is_hex_digit(at_[2]) &&
        is_hex_digit(at_[3])) {
        at_ += 4;
        return true;
    }
    at_ = std::find_if_not(at_, std::min(end_, at_ + 4), is_hex_digit);
    return fault("a bad escape");
}

bool scanner::digits() {
    const char* at = at_;
    while (at != end_ && is_digit(*at)) {
        ++at;
    }
    const bool found = at != at_;
    at_ = at;
    return found || fault("a digit is expected");
}

bool scanner::number() {
    if (*at_ == '-') {
        ++at_;
    }
    if (!take('0') && !digits()) {
        return false;
    }
    if (take('.') && !digits()) {
        return false;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (!take('+') && at_ != end_ && *at_ == '-') {
            ++at_;
        }
        return digits();
    }
    return true;
}

bool scanner::literal(std::string_view word) {
    if (!std::string_view{at_, end_}.starts_with(word)) {
        return fault("not a value");
    }
    at_ += word.size();
    return true;
}

bool scanner::value(std::size_t levels_max) {
    objects_ = 0;
    depth_ = 0;
    for (;;) {
        const step did = begin_value(levels_max);
        if (did == step::failed) {
            return false;
        }
        if (did == step::entered) {
            continue;
        }
        if (!leave_finished()) {
            return false;
        }
        if (depth_ == 0) {
            return true;
        }
    }
}

// A value is complete: closes the levels that end here and, if one stays open, goes on to its next
// element.
bool scanner::leave_finished() {
    while (depth_ != 0) {
        skip_space();
        if (take(',')) {
            return next_element();
        }
        if (!expect(in_object() ? '}' : ']')) {
            return false;
        }
        objects_ >>= 1U;
        --depth_;
    }
    return true;
}

// `entered`: a level was opened and its first element comes next.
scanner::step scanner::begin_value(std::size_t levels_max) {
    const auto scalar = [](bool good) {
        return good ? step::done : step::failed;
    };
    bool has_escape = false;
    if (values_left_ == 0) {
        return scalar(refuse_count("values in JSON", values_max_));
    }
    --values_left_;
    switch (at_ == end_ ? '\0' : *at_) {
    case '"':
        return scalar(string(has_escape));
    case 't':
        return scalar(literal("true"));
    case 'f':
        return scalar(literal("false"));
    case 'n':
        return scalar(literal("null"));
    case '{':
    case '[':
        break;
    default:
        return scalar(
            at_ != end_ && (*at_ == '-' || is_digit(*at_)) ? number() : fault("not a value")
        );
    }
    if (depth_ == levels_max) {
        return scalar(fault("nested too deep", errc::too_large));
    }
    const bool object = *at_++ == '{';
    skip_space();
    if (take(object ? '}' : ']')) {
        return step::done;
    }
    objects_ = (objects_ << 1U) | (object ? 1U : 0U);
    ++depth_;
    return next_element() ? step::entered : step::failed;
}

bool scanner::next_element() {
    skip_space();
    return !in_object() || member_name();
}

bool scanner::member_name() {
    bool has_escape = false;
    if (!string(has_escape)) {
        return false;
    }
    skip_space();
    if (!expect(':')) {
        return false;
    }
    skip_space();
    return true;
}

bool scanner::finish() {
    skip_space();
    return at_end() || fault("unexpected text after the value");
}

} // namespace msd::json
