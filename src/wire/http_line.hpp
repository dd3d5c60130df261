// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

// The grammar of single lines and fields of HTTP/1.1 (RFC 9110, 9112), strictly and without state:
// what http_request_parser asks of each line before it believes it. Lines come without CR LF; a
// line that two implementations could read differently is refused.
namespace msd::wire {

// Why a request is refused; status 0: it is not.
struct http_fault {
    int status = 0;
    const char* text = ""; // static

    explicit operator bool() const { return status != 0; }
};

struct http_request_line {
    std::string_view method;
    std::string_view target;
    int minor_version = 1;
};

struct http_header_line {
    std::string_view name;
    std::string_view value; // without the white space around it
};

// A request target taken apart.
struct http_target {
    std::string_view authority; // absolute-form only
    std::string_view path;
    std::string_view query;
};

/// 400; 501 for CONNECT; 505 for any version but 1.0 and 1.1.
[[nodiscard]] http_fault read_request_line(std::string_view line, http_request_line& out);

/// Origin-form, absolute-form, or `*` for OPTIONS; else 400.
[[nodiscard]] http_fault
read_target(std::string_view method, std::string_view target, http_target& out);

/// 400, also for a folded line.
[[nodiscard]] http_fault read_header_line(std::string_view line, http_header_line& out);

/// A chunk's size line: 400 unless it is hexadecimal digits, then nothing or `;` and extensions.
[[nodiscard]] http_fault check_chunk_line(std::string_view line);

/// A host with an optional port, as the Host header and an authority have it.
[[nodiscard]] bool is_host(std::string_view text);

/// Digits only, below 2^64.
[[nodiscard]] std::optional<std::uint64_t> content_length_of(std::string_view value);

/// Whether the comma-separated list holds that token; without case, like same_text().
[[nodiscard]] bool list_has(std::string_view list, std::string_view token);

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool same_text(std::string_view one, std::string_view other);

/// A byte that a method or a header name may hold.
[[nodiscard]] bool is_token_char(char c);

} // namespace msd::wire
