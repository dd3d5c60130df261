// SPDX-License-Identifier: Apache-2.0
#include "wire/http_line.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace msd::wire {

namespace {

constexpr http_fault bad_request_line{400, "malformed request line"};
constexpr http_fault bad_target{400, "malformed request target"};
constexpr http_fault bad_header_line{400, "malformed header line"};
constexpr http_fault bad_chunk_line{400, "malformed chunk size"};

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_alphanumeric(char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

constexpr bool is_hex_digit(char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

constexpr bool is_visible(char c) {
    return c > 0x20 && c < 0x7F;
}

// Visible, blank or beyond ASCII (obs-text, RFC 9110, 5.5).
constexpr bool is_value_char(char c) {
    return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) || c == '\t';
}

constexpr bool is_reg_name_char(char c) {
    return is_alphanumeric(c) ||
           std::string_view{"-._~%!$&'()*+,;="}.find(c) != std::string_view::npos;
}

constexpr bool is_address_char(char c) {
    return is_hex_digit(c) || c == ':' || c == '.';
}

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_token_char);
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

http_fault read_version(std::string_view version, int& minor) {
    constexpr std::string_view prefix = "HTTP/";
    const bool good = version.size() == prefix.size() + 3 && version.starts_with(prefix) &&
                      is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (!good) {
        return bad_request_line;
    }
    if (version[5] != '1' || version[7] > '1') {
        return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    }
    minor = version[7] - '0';
    return {};
}

void split_query(std::string_view text, http_target& out) {
    const std::size_t mark = text.find('?');
    out.path = text.substr(0, mark);
    out.query = mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
}

// Length of `http://` or `https://` at the start; 0 when there is neither.
std::size_t scheme_bytes(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (same_text(target.substr(0, scheme.size()), scheme)) {
            return scheme.size();
        }
    }
    return 0;
}

} // namespace

bool is_token_char(char c) {
    return is_alphanumeric(c) ||
           (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
}

bool same_text(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, {}, lower, lower);
}

bool list_has(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (same_text(trim(list.substr(0, comma)), token)) {
            return true;
        }
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return false;
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

bool is_host(std::string_view text) {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos || close == 1 ||
            !std::ranges::all_of(text.substr(1, close - 1), is_address_char)) {
            return false;
        }
        end = close + 1;
    } else {
        end = std::min(text.find(':'), text.size());
        if (end == 0 || !std::ranges::all_of(text.substr(0, end), is_reg_name_char)) {
            return false;
        }
    }
    const std::string_view port = text.substr(end);
    return port.empty() || (port.front() == ':' && std::ranges::all_of(port.substr(1), is_digit));
}

http_fault read_request_line(std::string_view line, http_request_line& out) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return bad_request_line;
    }
    out.method = line.substr(0, first);
    out.target = line.substr(first + 1, last - first - 1);
    if (!is_token(out.method) || out.target.empty() ||
        !std::ranges::all_of(out.target, is_visible)) {
        return bad_request_line;
    }
    if (const http_fault fault = read_version(line.substr(last + 1), out.minor_version)) {
        return fault;
    }
    if (out.method == "CONNECT") {
        return {501, "CONNECT is not supported"};
    }
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
    const std::size_t scheme = scheme_bytes(target);
    if (scheme == 0) {
        return bad_target;
    }
    target.remove_prefix(scheme);
    out.authority = target.substr(0, target.find_first_of("/?"));
    split_query(target.substr(out.authority.size()), out);
    if (out.path.empty()) {
        out.path = "/";
    }
    return is_host(out.authority) ? http_fault{} : bad_target;
}

http_fault read_header_line(std::string_view line, http_header_line& out) {
    const std::size_t colon = line.find(':');
    out.name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(out.name) ||
        !std::ranges::all_of(line.substr(colon), is_value_char)) {
        return bad_header_line;
    }
    out.value = trim(line.substr(colon + 1));
    return {};
}

http_fault check_chunk_line(std::string_view line) {
    constexpr std::size_t digits_max = 16;
    const auto digits =
        static_cast<std::size_t>(std::ranges::find_if_not(line, is_hex_digit) - line.begin());
    const std::string_view rest = line.substr(digits);
    const bool good = digits >= 1 && digits <= digits_max &&
                      (rest.empty() || rest.front() == ';') &&
                      std::ranges::all_of(rest, is_value_char);
    return good ? http_fault{} : bad_chunk_line;
}

} // namespace msd::wire
