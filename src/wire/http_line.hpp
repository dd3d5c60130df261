// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// The grammar of single lines of HTTP/1.1 (RFC 9110, 9112), strictly and without state: the checks
// that the parsers of requests and replies make of each line. Lines come without CR LF; a line that
// two implementations could read differently is refused.
namespace msd::wire {

// Why a message is refused, and what its sender has to write instead; status 0: it is not refused.
// The status is for requests.
struct http_fault {
    int status = 0;
    const char* text = ""; // a literal

    explicit operator bool() const { return status != 0; }
};

struct http_request_line {
    std::string_view method;
    std::string_view target;
    int minor_version = 1;
};

struct http_status_line {
    int minor_version = 1;
    int status = 200;
};

struct http_header_line {
    std::string_view name;
    std::string_view value; // without the white space around it
};

// The parts of a request target.
struct http_target {
    std::string_view authority;     // absolute-form only
    std::uint16_t default_port = 0; // of the scheme; absolute-form only
    std::string_view path;
    std::string_view query;
};

/// 400; 501 for CONNECT; 505 for any version but 1.0 and 1.1.
[[nodiscard]] http_fault read_request_line(std::string_view line, http_request_line& out);

/// Refuses any version but 1.0 and 1.1, and a status that is not between 100 and 599. The blank
/// behind the status may be missing when there is no reason phrase.
[[nodiscard]] http_fault read_status_line(std::string_view line, http_status_line& out);

/// Origin-form, absolute-form, or `*` for OPTIONS; else 400.
[[nodiscard]] http_fault
read_target(std::string_view method, std::string_view target, http_target& out);

/// 400, also for a folded line.
[[nodiscard]] http_fault read_header_line(std::string_view line, http_header_line& out);

/// A chunk's size line: 400 unless it is hexadecimal digits and extensions as RFC 9112, 7.1.1 has
/// them, blanks before and behind their marks included. `size` is the digits.
[[nodiscard]] http_fault read_chunk_line(std::string_view line, std::string_view& size);

/// Digits only, below 2^64.
[[nodiscard]] std::optional<std::uint64_t> content_length_of(std::string_view value);

/// Whether the comma-separated list holds that token; without case, like same_text().
[[nodiscard]] bool list_has(std::string_view list, std::string_view token);

/// Calls `use` with each element of a comma-separated list, without the blanks around it: empty
/// elements too, void(std::string_view).
template <class Use>
void for_each_in_list(std::string_view list, Use use);

/// `text` without the blanks and tabs around it.
[[nodiscard]] std::string_view trim(std::string_view text);

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool same_text(std::string_view one, std::string_view other);

/// A method, or the name of a field: at least one character, and only such as are allowed there.
[[nodiscard]] bool is_token(std::string_view text);

/// The value of a field: visible characters, blanks, tabs and bytes beyond ASCII; may be empty.
[[nodiscard]] bool is_field_value(std::string_view text);

template <class Use>
void for_each_in_list(std::string_view list, Use use) {
    for (;;) {
        const std::size_t comma = list.find(',');
        use(trim(list.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return;
        }
        list.remove_prefix(comma + 1);
    }
}

} // namespace msd::wire
