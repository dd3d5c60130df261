// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/json_scanner.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

namespace msd::json {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

template <class Number>
void append_number(std::string& out, Number number) {
    std::array<char, 32> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), written.ptr);
}

void append_escaped(std::string& out, char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (c) {
    case '"':
        out += R"(\")";
        break;
    case '\\':
        out += R"(\\)";
        break;
    case '\b':
        out += R"(\b)";
        break;
    case '\f':
        out += R"(\f)";
        break;
    case '\n':
        out += R"(\n)";
        break;
    case '\r':
        out += R"(\r)";
        break;
    case '\t':
        out += R"(\t)";
        break;
    default:
        out += R"(\u00)";
        out += hex[static_cast<unsigned char>(c) >> 4U];
        out += hex[static_cast<unsigned char>(c) & 0xFU];
    }
}

} // namespace

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    const char* const end = text.data() + text.size();
    const char* run = text.data(); // what is written as it stands and was not yet
    const char* at = run;
    while (at != end) {
        const std::size_t bytes = utf8_sequence(at, end);
        const bool stands = bytes > 1 || (bytes == 1 && *at != '"' && *at != '\\' &&
                                          static_cast<unsigned char>(*at) >= 0x20);
        if (stands) {
            at += bytes;
            continue;
        }
        out.append(run, at);
        if (bytes == 0) {
            out += replacement;
        } else {
            append_escaped(out, *at);
        }
        run = ++at;
    }
    out.append(run, at);
    out += '"';
}

std::string quote(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    append_quoted(out, text);
    return out;
}

bool is_utf8(std::string_view text) {
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        const std::size_t bytes = utf8_sequence(at, end);
        if (bytes == 0) {
            return false;
        }
        at += bytes;
    }
    return true;
}

std::size_t code_points(std::string_view utf8) {
    std::size_t count = 0;
    for (const char c : utf8) {
        count += (static_cast<unsigned char>(c) & 0xC0U) == 0x80U ? 0U : 1U;
    }
    return count;
}

void writer::separate() {
    if (comma_) {
        out_ += ',';
    }
    comma_ = true;
}

void writer::before_value() {
    if (key_given_) {
        key_given_ = false;
        return;
    }
    assert(!in_object());           // a key belongs here
    assert(depth_ != 0 || !comma_); // there is a value already
    separate();
}

writer& writer::enter(char bracket, bool object) {
    before_value();
    assert(depth_ < depth_max);
    out_ += bracket;
    objects_ = (objects_ << 1U) | (object ? 1U : 0U);
    ++depth_;
    comma_ = false;
    return *this;
}

writer& writer::leave(char bracket, bool object) {
    assert(depth_ != 0 && in_object() == object && !key_given_);
    out_ += bracket;
    objects_ >>= 1U;
    --depth_;
    comma_ = true;
    return *this;
}

writer& writer::begin_object() {
    return enter('{', true);
}

writer& writer::end_object() {
    return leave('}', true);
}

writer& writer::begin_array() {
    return enter('[', false);
}

writer& writer::end_array() {
    return leave(']', false);
}

writer& writer::key(std::string_view name) {
    assert((in_object() || depth_ == 0) && !key_given_);
    separate();
    append_quoted(out_, name);
    out_ += ':';
    key_given_ = true;
    return *this;
}

writer& writer::string(std::string_view text) {
    before_value();
    append_quoted(out_, text);
    return *this;
}

writer& writer::integer(std::int64_t number) {
    before_value();
    append_number(out_, number);
    return *this;
}

writer& writer::unsigned_integer(std::uint64_t number) {
    before_value();
    append_number(out_, number);
    return *this;
}

writer& writer::real(double number) {
    if (!std::isfinite(number)) {
        return null();
    }
    before_value();
    append_number(out_, number);
    return *this;
}

writer& writer::boolean(bool truth) {
    return raw(truth ? "true" : "false");
}

writer& writer::null() {
    return raw("null");
}

writer& writer::raw(std::string_view json) {
    assert(!json.empty());
    before_value();
    out_ += json;
    return *this;
}

writer& writer::raw_members(std::string_view members) {
    assert((in_object() || depth_ == 0) && !key_given_);
    if (!members.empty()) {
        separate();
        out_ += members;
    }
    return *this;
}

} // namespace msd::json
