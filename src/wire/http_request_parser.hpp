// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_fields.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::wire {

// The head of a request. Header names compare without case. Headers that Connection names are left
// out.
struct http_request {
    std::string method;
    std::string target;     // as sent: "/path?query", "http://host/path?query" or "*" (OPTIONS)
    std::string_view path;  // of target, without query, still percent-encoded
    std::string_view query; // after '?', without it
    int minor_version = 1;
    std::vector<http_header> headers;
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool keep_alive = true; // what the client wants
    bool expect_continue = false;
    bool content_coded = false; // Content-Encoding names another coding than identity
    bool content_range = false; // there is a Content-Range

    /// The first header of that name; null when there is none.
    [[nodiscard]] const std::string* header(std::string_view name) const;
    [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// HTTP/1.1 requests from a byte stream (RFC 9110, 9112), strictly: what two implementations could
// read differently is refused. Stops after each head, so that the caller decides about the body
// before a byte of it is kept; trailers and chunk extensions are checked and dropped. Each line is
// checked here when it is complete, and only then handed to llhttp, which reads methods, lengths
// and chunks: how a stream was cut into segments changes nothing. llhttp refuses some lines that
// the RFCs allow (a tab behind a value, most chunk extensions); it is given what is left without
// them.
class http_request_parser {
public:
    struct limits {
        /// Request line and headers: 431; 414 when the target alone exceeds it, 501 when the method
        /// does.
        std::size_t head_bytes_max = 16UL * 1024;
        std::size_t headers_max = 100; // 431
    };

    static constexpr std::size_t target_bytes_max = 8UL * 1024; // 414
    static constexpr std::size_t chunk_line_bytes_max = 256;
    static constexpr std::size_t chunk_extension_bytes_max = 4UL * 1024; // a message
    static constexpr std::size_t trailer_bytes_max = 4UL * 1024;         // a message: 431
    static constexpr int empty_lines_max = 2;                            // before a request line

    enum class event : std::uint8_t {
        more,     // all bytes consumed, the message goes on
        head,     // request() is complete; the body follows, if any
        body,     // body_piece() holds the next bytes of the body
        complete, // the message ended; call next_request() before the next feed()
        failed,   // failure_status() and failure_text(); the stream cannot be resumed
    };

    struct outcome {
        event what = event::more;
        std::size_t consumed = 0; // of the bytes given; feed the rest again
    };

    explicit http_request_parser(limits chosen);
    ~http_request_parser();
    http_request_parser(const http_request_parser&) = delete;
    http_request_parser& operator=(const http_request_parser&) = delete;

    /// Stops at the first event other than `more`. A message without a body gives head, then
    /// complete at the next call, also with no bytes.
    [[nodiscard]] outcome feed(std::string_view bytes);

    [[nodiscard]] const http_request& request() const;
    /// A view into the bytes of the last feed().
    [[nodiscard]] std::string_view body_piece() const;
    /// 400, 414, 431, 501 (unknown method or transfer coding) or 505.
    [[nodiscard]] int failure_status() const;
    [[nodiscard]] std::string_view failure_text() const;

    /// Whether a message has begun: at least one byte other than a line end was consumed since the
    /// last message, and `complete` was not returned since.
    [[nodiscard]] bool in_message() const;
    /// Drops the complete request, and frees memory that an idle connection does not need.
    void next_request();
    /// Drops what has been received of a message and frees its memory, request() included. Feeding
    /// then fails with 503 and this text, which must outlive the parser.
    void abandon(const char* text);
    /// Roughly the memory of an unfinished head.
    [[nodiscard]] std::size_t held_bytes() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace msd::wire
