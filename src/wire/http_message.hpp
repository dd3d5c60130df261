// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_fields.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// Writes messages of HTTP/1.1: heads, chunks and trailers. A proxy writes its own framing: what the
// parsers have read is not copied, but written again from its meaning. Fields that are for one
// connection only, and Content-Length, are never copied from a message, even if `fields` has them.
// Names and values must be valid (is_token(), is_field_value() of wire/http_line.hpp), as those of
// the parsers are: another one would forge a field or a message, and aborts.
namespace msd::wire {

/// Fields that a message passes on to no other connection, whether Connection names them or not:
/// Connection, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, Upgrade.
[[nodiscard]] bool is_hop_by_hop(std::string_view name);

/// False for the fields that a message must not have in its trailers (RFC 9110, 6.5.1): those that
/// frame, route or authenticate it, or that control how it is handled.
[[nodiscard]] bool is_allowed_in_trailers(std::string_view name);

/// Whether `lines` are complete lines "name: value" CR LF; also when there are none.
[[nodiscard]] bool are_header_lines(std::string_view lines);

// How the head announces its body. Chunked wins over a length; without both there is no body, or
// it ends with the connection.
struct http_body_head {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
};

// The head of a request to a program.
struct http_request_head {
    std::string_view method;
    std::string_view target;
    std::string_view host;               // Host, written first; empty: of `fields`
    const http_fields* fields = nullptr; // in order; may be null
    // Names in `fields` that are left out, besides those that are never copied. Host is left out
    // when `host` is not empty.
    std::span<const std::string_view> without;
    std::string_view lines; // further complete header lines, each with CR LF
    http_body_head body;
    bool te_trailers = false; // TE: trailers
    std::string_view upgrade; // Upgrade; empty: none
    bool keep_alive = true;
};

/// HTTP/1.1, in this order: Host, fields, lines, framing, connection.
void append_request_head(std::string& out, const http_request_head& head);

// The head of a reply to a client.
struct http_reply_head {
    int status = 200;
    std::string_view date;                     // Date, written first; empty: none
    std::string_view content_type;             // empty: none, or in `fields`
    const http_fields* fields = nullptr;       // in order; may be null
    std::span<const std::string_view> without; // names in `fields` that are left out
    http_body_head body; // a 1xx or 204 has neither; a 304 and the reply to a HEAD may have both
    bool keep_alive = true;
    int minor_version = 1;    // of the request: 1.0 gets an explicit keep-alive
    std::string_view upgrade; // 101: Upgrade
    std::string_view lines;   // further complete header lines, each with CR LF
};

/// HTTP/1.1, in this order: Date, type, fields, framing, connection, lines. An informational reply
/// has no framing, and no connection fields but those of `upgrade`.
void append_reply_head(std::string& out, const http_reply_head& head);

/// The size line of a chunk; `bytes` is not 0. The data and chunk_end follow.
void append_chunk_head(std::string& out, std::uint64_t bytes);
inline constexpr std::string_view chunk_end = "\r\n";
/// The longest size line.
inline constexpr std::size_t chunk_head_bytes_max = 18;

/// The end of a chunked body. `trailers` may be null; those that are not allowed are left out.
void append_last_chunk(std::string& out, const http_fields* trailers = nullptr);

} // namespace msd::wire
