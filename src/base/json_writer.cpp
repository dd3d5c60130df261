// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/json_scanner.hpp"

#include <rapidjson/writer.h>

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

namespace msd::json {

namespace {

// The output stream of RapidJSON: appends to a string through a buffer, because RapidJSON writes
// single bytes. The function names are given by RapidJSON.
class string_sink {
public:
    using Ch = char;

    explicit string_sink(std::string& out) : out_{out} {}

    // NOLINTBEGIN(readability-identifier-naming)
    void Put(char c) {
        if (used_ == buffer_.size()) {
            Flush();
        }
        buffer_[used_++] = c;
    }

    void Flush() { // RapidJSON calls it after each value
        out_.append(buffer_.data(), used_);
        used_ = 0;
    }
    // NOLINTEND(readability-identifier-naming)

private:
    std::string& out_;
    std::array<char, 128> buffer_;
    std::size_t used_ = 0;
};

// Constructed for every scalar, because a Writer takes one root value only; this allocates nothing.
using scalar_writer = rapidjson::Writer<string_sink>;

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

// The letter of the short escape of an ASCII character; 0: it has none.
constexpr char escape_letter(char c) {
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

void append_escape(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    if (const char letter = escape_letter(c); letter != 0) {
        const std::array<char, 2> escape{'\\', letter};
        out.append(escape.data(), escape.size());
        return;
    }
    const auto code = static_cast<unsigned char>(c);
    const std::array<char, 6> escape{'\\', 'u', '0', '0', digits[code >> 4U], digits[code & 15U]};
    out.append(escape.data(), escape.size());
}

} // namespace

void append_quoted(std::string& out, std::string_view text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    out += '"';
    for (;;) {
        const char* const run = at;
        at = skip_plain(at, end);
        while (at != end && static_cast<unsigned char>(*at) >= 0x80) {
            const std::size_t bytes = utf8_sequence(at, end);
            if (bytes == 0) {
                break;
            }
            at = skip_plain(at + bytes, end);
        }
        out.append(run, at);
        if (at == end) {
            break;
        }
        if (static_cast<unsigned char>(*at) >= 0x80) {
            out += replacement;
        } else {
            append_escape(out, *at);
        }
        ++at;
    }
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
        const bool ascii = static_cast<unsigned char>(*at) < 0x80;
        const std::size_t bytes = ascii ? 1 : utf8_sequence(at, end);
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
    string_sink sink{out_};
    scalar_writer{sink}.Int64(number);
    return *this;
}

writer& writer::unsigned_integer(std::uint64_t number) {
    before_value();
    string_sink sink{out_};
    scalar_writer{sink}.Uint64(number);
    return *this;
}

writer& writer::real(double number) {
    if (!std::isfinite(number)) {
        return null();
    }
    before_value();
    std::array<char, 32> text{};
    // RapidJSON's text reads back the same too, but is not always the shortest.
    const auto written = std::to_chars(text.data(), text.data() + text.size(), number);
    out_.append(text.data(), written.ptr);
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
