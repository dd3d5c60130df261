// SPDX-License-Identifier: Apache-2.0
#include "base/printable.hpp"

#include "base/json_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdint>
#include <cwchar>

namespace msd {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

struct range {
    char32_t first;
    char32_t last;
};

// Unicode 15: the general categories Cc, Cf, Zl and Zp, and between them the invisible unassigned
// characters U+2065, U+E0000 and U+E0002 to U+E001F. Sorted.
constexpr std::array<range, 21> unprintable_ranges{{
    {0x0000, 0x001F},   {0x007F, 0x009F},   {0x00AD, 0x00AD},   {0x0600, 0x0605},
    {0x061C, 0x061C},   {0x06DD, 0x06DD},   {0x070F, 0x070F},   {0x0890, 0x0891},
    {0x08E2, 0x08E2},   {0x180E, 0x180E},   {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},   {0x110BD, 0x110BD},
    {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
    {0xE0000, 0xE007F},
}};

bool is_unprintable(char32_t code) {
    if (code < 0x7F) {
        return code < 0x20;
    }
    const auto* const found = std::lower_bound(
        unprintable_ranges.begin(),
        unprintable_ranges.end(),
        code,
        [](const range& each, char32_t wanted) { return each.last < wanted; }
    );
    return found != unprintable_ranges.end() && found->first <= code;
}

// The code point of a well-formed sequence.
char32_t decoded(std::string_view sequence) {
    constexpr std::array<std::uint8_t, 5> lead_mask{0, 0x7F, 0x1F, 0x0F, 0x07};
    const auto lead = static_cast<unsigned char>(sequence.front());
    char32_t code = lead & lead_mask.at(sequence.size());
    for (const char each : sequence.substr(1)) {
        code = (code << 6U) | (static_cast<unsigned char>(each) & 0x3FU);
    }
    return code;
}

// Calls `visit(sequence, code)` for each character; the sequence is empty for an invalid byte.
// Stops when `visit` returns false.
template <class Visit>
void for_each_character(std::string_view text, Visit visit) {
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        const std::size_t bytes = json::utf8_sequence(at, end);
        const std::string_view sequence{at, bytes};
        if (!visit(sequence, bytes == 0 ? char32_t{} : decoded(sequence))) {
            return;
        }
        at += std::max<std::size_t>(bytes, 1);
    }
}

// `escape(out, code)` appends the form of an unprintable character.
template <class Escape>
std::string escaped(std::string_view text, Escape escape) {
    if (!has_unprintable(text)) {
        return std::string{text};
    }
    std::string out;
    out.reserve(text.size());
    for_each_character(text, [&](std::string_view sequence, char32_t code) {
        if (sequence.empty()) {
            out += replacement;
        } else if (is_unprintable(code)) {
            escape(out, code);
        } else {
            out += sequence;
        }
        return true;
    });
    return out;
}

void append_escape(std::string& out, char32_t code) {
    const auto value = static_cast<std::uint32_t>(code);
    if (code == '\n' || code == '\t') {
        out += code == '\n' ? "\\n" : "\\t";
    } else if (value < 0x100) {
        out += fmt::format("\\x{:02x}", value);
    } else if (value < 0x10000) {
        out += fmt::format("\\u{:04x}", value);
    } else {
        out += fmt::format("\\U{:08x}", value);
    }
}

void append_json_escape(std::string& out, char32_t code) {
    auto value = static_cast<std::uint32_t>(code);
    if (value < 0x20) {
        out += ' '; // between tokens: a string of JSON contains no such character
    } else if (value < 0x10000) {
        out += fmt::format("\\u{:04x}", value);
    } else {
        value -= 0x10000;
        out +=
            fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (value >> 10U), 0xDC00 + (value & 0x3FFU));
    }
}

// The columns of one character. wcwidth(3) uses the locale of the thread, which is "C" in msd.
class column_counter {
public:
    column_counter()
        : unicode_{shared_locale()},
          previous_{unicode_ != nullptr ? ::uselocale(unicode_) : nullptr} {}

    ~column_counter() {
        if (unicode_ != nullptr) {
            ::uselocale(previous_);
        }
    }

    column_counter(const column_counter&) = delete;
    column_counter& operator=(const column_counter&) = delete;
    column_counter(column_counter&&) = delete;
    column_counter& operator=(column_counter&&) = delete;

    [[nodiscard]] std::size_t columns(char32_t code) const {
        const int width = unicode_ == nullptr ? 1 : ::wcwidth(static_cast<wchar_t>(code));
        return width < 0 ? 1 : static_cast<std::size_t>(width); // -1: not assigned
    }

private:
    static ::locale_t shared_locale() {
        static const ::locale_t found = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return found;
    }

    ::locale_t unicode_; // null: the system has no such locale
    ::locale_t previous_;
};

} // namespace

bool has_unprintable(std::string_view text) {
    const auto is_plain = [](char c) {
        return c >= 0x20 && c < 0x7F;
    };
    const auto* const first = std::find_if_not(text.begin(), text.end(), is_plain);
    bool found = false;
    for_each_character(
        text.substr(static_cast<std::size_t>(first - text.begin())),
        [&](std::string_view sequence, char32_t code) {
            found = sequence.empty() || is_unprintable(code);
            return !found;
        }
    );
    return found;
}

std::string printable(std::string_view text) {
    return escaped(text, append_escape);
}

std::string printable_lines(std::string_view text) {
    return escaped(text, [](std::string& out, char32_t code) {
        if (code == '\n') {
            out += '\n';
        } else {
            append_escape(out, code);
        }
    });
}

std::string printable_json(std::string_view json) {
    return escaped(json, append_json_escape);
}

std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) {
        return text;
    }
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return text.substr(0, end);
}

std::size_t display_columns(std::string_view text) {
    const auto is_ascii = [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    };
    if (std::all_of(text.begin(), text.end(), is_ascii)) {
        return text.size();
    }
    const column_counter counter;
    std::size_t columns = 0;
    for_each_character(text, [&](std::string_view, char32_t code) {
        columns += counter.columns(code);
        return true;
    });
    return columns;
}

} // namespace msd
