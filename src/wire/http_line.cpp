// SPDX-License-Identifier: Apache-2.0
#include "wire/http_line.hpp"

#include "wire/http_char.hpp"
#include "wire/http_field.hpp"
#include "wire/http_host.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace msd::wire {

namespace {

constexpr http_fault bad_request_line{
    400,
    "malformed request line: write the method, a blank, the target, a blank and HTTP/1.1"};
constexpr http_fault bad_status_line{
    400,
    "malformed status line: write HTTP/1.1, a blank, a status of three digits and a reason"};
constexpr http_fault bad_version{505, "only HTTP/1.0 and HTTP/1.1 are supported"};
constexpr http_fault bad_target{
    400,
    "malformed request target: write a path that begins with / or an http URI, without a fragment"};
constexpr http_fault bad_header_line{
    400,
    "malformed header line: write a name, a colon and a value in one line"};
constexpr http_fault bad_chunk_line{
    400,
    "malformed chunk size: write hexadecimal digits, then nothing or ;name=value"};

constexpr std::size_t version_bytes = 8; // HTTP/1.1

http_fault read_version(std::string_view version, int& minor, http_fault malformed) {
    constexpr std::string_view prefix = "HTTP/";
    const bool good = version.size() == version_bytes && version.starts_with(prefix) &&
                      is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (!good) {
        return malformed;
    }
    if (version[5] != '1' || version[7] > '1') {
        return bad_version;
    }
    minor = version[7] - '0';
    return {};
}

void split_query(std::string_view text, http_target& out) {
    const std::size_t mark = text.find('?');
    out.path = text.substr(0, mark);
    out.query = mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
}

struct uri_scheme {
    std::string_view prefix;
    std::uint16_t default_port;
};
constexpr std::array<uri_scheme, 2> schemes{{{"http://", 80}, {"https://", 443}}};

// The reason to refuse a target that has a character that is not allowed in a URI.
http_fault bad_character(std::string_view target) {
    if (std::ranges::any_of(target, is_beyond_ascii)) {
        return {
            400,
            "the request target holds a character beyond ASCII: percent-encode its UTF-8 bytes"};
    }
    if (target.front() == ' ' || target.back() == ' ') {
        return bad_request_line;
    }
    return {
        400,
        "the request target holds a blank or a control character: percent-encode it, a blank as "
        "%20"};
}

// Takes one part of the chunk extensions off the front of `text`: the blanks before it, `mark`, and
// the blanks behind it. False, and nothing is taken, when `mark` does not come next.
bool take_mark(std::string_view& text, char mark) {
    const std::size_t at = text.find_first_not_of(" \t");
    if (at == std::string_view::npos || text[at] != mark) {
        return false;
    }
    text.remove_prefix(at + 1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    return true;
}

// Takes a token off the front of `text`; false when there is none.
bool take_token(std::string_view& text) {
    const auto bytes = std::ranges::find_if_not(text, is_token_char) - text.begin();
    text.remove_prefix(static_cast<std::size_t>(bytes));
    return bytes != 0;
}

bool take_quoted(std::string_view& text) {
    const std::size_t bytes = quoted_string_bytes(text);
    text.remove_prefix(bytes);
    return bytes != 0;
}

// RFC 9112, 7.1.1: ;name or ;name=value any number of times, blanks around the marks.
bool are_chunk_extensions(std::string_view text) {
    while (!text.empty()) {
        if (!take_mark(text, ';') || !take_token(text)) {
            return false;
        }
        if (take_mark(text, '=') && !take_token(text) && !take_quoted(text)) {
            return false;
        }
    }
    return true;
}

} // namespace

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool is_field_value(std::string_view text) {
    return std::ranges::all_of(text, is_value_char);
}

bool same_text(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, {}, to_lower, to_lower);
}

bool list_has(std::string_view list, std::string_view token) {
    bool found = false;
    for_each_in_list(list, [&](std::string_view element) {
        found = found || same_text(element, token);
    });
    return found;
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::optional<std::uint64_t> content_length_of(std::string_view value) {
    std::uint64_t length = 0;
    const char* const begin = value.data();
    const char* const end = begin + value.size();
    const auto [stop, problem] = std::from_chars(begin, end, length);
    if (problem != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return length;
}

http_fault read_request_line(std::string_view line, http_request_line& out) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return bad_request_line;
    }
    out.method = line.substr(0, first);
    out.target = line.substr(first + 1, last - first - 1);
    if (!is_token(out.method) || out.target.empty()) {
        return bad_request_line;
    }
    if (!std::ranges::all_of(out.target, is_visible)) {
        return bad_character(out.target);
    }
    const std::string_view version = line.substr(last + 1);
    if (const http_fault bad = read_version(version, out.minor_version, bad_request_line)) {
        return bad;
    }
    if (out.method == "CONNECT") {
        return {501, "CONNECT is not supported"};
    }
    return {};
}

http_fault read_status_line(std::string_view line, http_status_line& out) {
    constexpr std::size_t digits = 3;
    const std::string_view version = line.substr(0, version_bytes);
    if (const http_fault bad = read_version(version, out.minor_version, bad_status_line)) {
        return bad;
    }
    line.remove_prefix(version.size());
    const bool good = line.size() >= 1 + digits && line[0] == ' ' && line[1] >= '1' &&
                      line[1] <= '5' && is_digit(line[2]) && is_digit(line[3]) &&
                      (line.size() == 1 + digits || line[1 + digits] == ' ') &&
                      is_field_value(line);
    if (!good) {
        return bad_status_line;
    }
    out.status = 100 * (line[1] - '0') + 10 * (line[2] - '0') + (line[3] - '0');
    return {};
}

http_fault read_target(std::string_view method, std::string_view target, http_target& out) {
    if (target == "*" && method == "OPTIONS") {
        out.path = target;
        return {};
    }
    if (target.find('#') != std::string_view::npos) {
        return bad_target;
    }
    if (target.starts_with('/')) {
        split_query(target, out);
        return {};
    }
    const auto* const scheme = std::ranges::find_if(schemes, [target](const uri_scheme& known) {
        return same_text(target.substr(0, known.prefix.size()), known.prefix);
    });
    if (scheme == schemes.end()) {
        return bad_target;
    }
    target.remove_prefix(scheme->prefix.size());
    out.default_port = scheme->default_port;
    out.authority = target.substr(0, target.find_first_of("/?"));
    split_query(target.substr(out.authority.size()), out);
    if (out.path.empty()) { // RFC 9112, 3.2.4: OPTIONS asks about the server, as "*" does
        const bool asks_server = method == "OPTIONS" && target.size() == out.authority.size();
        out.path = asks_server ? "*" : "/";
    }
    return is_host(out.authority) ? http_fault{} : bad_target;
}

http_fault read_header_line(std::string_view line, http_header_line& out) {
    const std::size_t colon = line.find(':');
    out.name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(out.name) ||
        !is_field_value(line.substr(colon))) {
        return bad_header_line;
    }
    out.value = trim(line.substr(colon + 1));
    return {};
}

http_fault read_chunk_line(std::string_view line, std::string_view& size) {
    constexpr std::size_t digits_max = 16;
    const auto digits =
        static_cast<std::size_t>(std::ranges::find_if_not(line, is_hex_digit) - line.begin());
    size = line.substr(0, digits);
    const bool good =
        digits >= 1 && digits <= digits_max && are_chunk_extensions(line.substr(digits));
    return good ? http_fault{} : bad_chunk_line;
}

} // namespace msd::wire
