// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include "base/decimal.hpp"
#include "base/json_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace msd::json {

namespace {

constexpr std::size_t kept_members_max = 1024; // a larger capacity is freed at the next parse

constexpr char32_t replacement = 0xFFFD;

void append_utf8(std::string& out, char32_t c) {
    const auto tail = [c](unsigned shift) {
        return static_cast<char>(0x80U | ((c >> shift) & 0x3FU));
    };
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += {static_cast<char>(0xC0U | (c >> 6U)), tail(0)};
    } else if (c < 0x10000) {
        out += {static_cast<char>(0xE0U | (c >> 12U)), tail(6), tail(0)};
    } else {
        out += {static_cast<char>(0xF0U | (c >> 18U)), tail(12), tail(6), tail(0)};
    }
}

char32_t hex4(std::string_view digits) {
    std::uint16_t unit = 0;
    const char* const begin = digits.data();
    std::from_chars(begin, begin + 4, unit, 16);
    return unit;
}

constexpr bool is_high_surrogate(char32_t c) {
    return c >= 0xD800 && c < 0xDC00;
}

constexpr bool is_low_surrogate(char32_t c) {
    return c >= 0xDC00 && c < 0xE000;
}

// `rest` starts behind the backslash and the u of an escape; returns how much of it was used.
std::size_t decode_unicode_escape(std::string_view rest, std::string& out) {
    const char32_t unit = hex4(rest);
    if (is_high_surrogate(unit) && rest.substr(4).starts_with("\\u")) {
        const char32_t low = hex4(rest.substr(6));
        if (is_low_surrogate(low)) {
            append_utf8(out, 0x10000 + ((unit - 0xD800) << 10U) + (low - 0xDC00));
            return 10;
        }
    }
    const bool lone = is_high_surrogate(unit) || is_low_surrogate(unit);
    append_utf8(out, lone ? replacement : unit);
    return 4;
}

char decode_short_escape(char letter) {
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

// Decodes the text between the quotes of a literal that was checked before.
std::string decode(std::string_view inner) {
    std::string out;
    out.reserve(inner.size());
    for (;;) {
        if (!inner.starts_with('\\')) { // a search costs more than many escapes
            const std::string_view run = inner.substr(0, inner.find('\\'));
            out += run;
            inner.remove_prefix(run.size());
        }
        if (inner.empty()) {
            return out;
        }
        const char letter = inner[1];
        inner.remove_prefix(2);
        if (letter == 'u') {
            inner.remove_prefix(decode_unicode_escape(inner, out));
        } else {
            out += decode_short_escape(letter);
        }
    }
}

std::string_view without_quotes(std::string_view literal) {
    return literal.substr(1, literal.size() - 2);
}

kind kind_of(std::string_view text) {
    switch (text.front()) {
    case '{':
        return kind::object;
    case '[':
        return kind::array;
    case '"':
        return kind::string;
    case 't':
    case 'f':
        return kind::boolean;
    case 'n':
        return kind::null;
    default:
        return kind::number;
    }
}

value value_between(const char* begin, const char* end) {
    const std::string_view text{begin, end};
    return {kind_of(text), text};
}

} // namespace

std::optional<std::string> value::as_string() const {
    if (type != kind::string) {
        return std::nullopt;
    }
    return decode(without_quotes(text));
}

std::optional<std::int64_t> value::as_int64() const {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (type != kind::number) {
        return std::nullopt;
    }
    const scaled_number number = scale_number(text, 0);
    if (number.what != scaled_number::outcome::exact ||
        number.magnitude > most + (number.negative ? 1 : 0)) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(number.negative ? 0 - number.magnitude : number.magnitude);
}

std::optional<std::uint64_t> value::as_uint64() const {
    if (type != kind::number) {
        return std::nullopt;
    }
    const scaled_number number = scale_number(text, 0);
    if (number.what != scaled_number::outcome::exact || number.negative) {
        return std::nullopt;
    }
    return number.magnitude;
}

std::optional<double> value::as_double() const {
    double number = 0;
    if (type != kind::number ||
        std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) {
        return std::nullopt;
    }
    return number;
}

std::optional<bool> value::as_bool() const {
    if (type != kind::boolean) {
        return std::nullopt;
    }
    return text.front() == 't';
}

void object::clear() {
    if (members_.capacity() > kept_members_max) {
        members_ = {};
    }
    members_.clear();
    decoded_names_.clear();
    text_ = {};
}

result<void> object::parse(std::string_view text, const limits& bounds, inner_object within) {
    clear();
    scanner input{text, bounds.values};
    input.skip_space();
    if (!read_members(input, bounds, within) || !input.finish()) {
        return input.failure();
    }
    return {};
}

bool object::read_members(scanner& input, const limits& bounds, const inner_object& within) {
    const char* const begin = input.position();
    if (!input.expect('{')) {
        return false;
    }
    input.skip_space();
    if (!input.take('}')) {
        do {
            if (members_.size() == bounds.members) {
                return input.refuse_count("members of a JSON object", bounds.members);
            }
            input.skip_space();
            if (!read_member(input, bounds, within)) {
                return false;
            }
            input.skip_space();
        } while (input.take(','));
        if (!input.expect('}')) {
            return false;
        }
    }
    text_ = {begin, input.position()};
    return true;
}

bool object::read_member(scanner& input, const limits& bounds, const inner_object& within) {
    const char* const begin = input.position();
    bool has_escape = false;
    if (!input.string(has_escape)) {
        return false;
    }
    std::string_view name = without_quotes({begin, input.position()});
    if (has_escape) {
        name = decoded_names_.emplace_back(decode(name));
    }
    input.skip_space();
    if (!input.expect(':')) {
        return false;
    }
    input.skip_space();
    const char* const value_begin = input.position();
    const limits inside{bounds.levels - 1, bounds.members, bounds.values};
    if (within.members != nullptr && input.is_next('{') && name == within.name) {
        within.members->clear();
        if (!within.members->read_members(input, inside, {})) {
            return false;
        }
    } else if (!input.value(inside.levels)) {
        return false;
    }
    const char* const end = input.position();
    members_.push_back({name, value_between(value_begin, end), {begin, end}});
    return true;
}

const value* object::find(std::string_view name) const {
    const auto found = std::find_if(members_.rbegin(), members_.rend(), [name](const member& one) {
        return one.name == name;
    });
    return found == members_.rend() ? nullptr : &found->val;
}

result<std::vector<value>> elements(std::string_view text) {
    scanner input{text};
    input.skip_space();
    if (!input.expect('[')) {
        return input.failure();
    }
    std::vector<value> found;
    input.skip_space();
    if (!input.take(']')) {
        do {
            input.skip_space();
            const char* const begin = input.position();
            if (!input.value(depth_max - 1)) {
                return input.failure();
            }
            if (found.size() == elements_max) {
                return fail(errc::too_large, "a JSON array has too many elements");
            }
            found.push_back(value_between(begin, input.position()));
            input.skip_space();
        } while (input.take(','));
        if (!input.expect(']')) {
            return input.failure();
        }
    }
    if (!input.finish()) {
        return input.failure();
    }
    return found;
}

result<value> parse(std::string_view text) {
    scanner input{text};
    input.skip_space();
    const char* const begin = input.position();
    if (!input.value(depth_max)) {
        return input.failure();
    }
    const value whole = value_between(begin, input.position());
    if (!input.finish()) {
        return input.failure();
    }
    return whole;
}

} // namespace msd::json
