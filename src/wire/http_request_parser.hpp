// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_event.hpp"
#include "wire/http_fields.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::wire {

// The head of a request. `headers` are the fields that can be handed on: without those that are for
// this connection only (is_hop_by_hop() and the names in Connection), and without Content-Length.
// What these meant is in the other members.
struct http_request {
    std::string method;
    std::string target;     // as sent: "/path?query", "http://host/path?query" or "*" (OPTIONS)
    std::string_view path;  // of target, without query, still percent-encoded
    std::string_view query; // after '?', without it
    int minor_version = 1;
    http_fields headers;
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool keep_alive = true; // what the client wants
    bool expect_continue = false;
    bool content_coded = false;  // Content-Encoding names another coding than identity
    bool content_range = false;  // there is a Content-Range
    bool te_trailers = false;    // the client reads trailers of a reply in chunks (TE: trailers)
    bool is_known_method = true; // one that is registered for HTTP; else any other token
    // The protocols of Upgrade, when Connection names it; empty in HTTP/1.0.
    std::string upgrade;

    /// The first header of that name; null when there is none.
    [[nodiscard]] const std::string_view* header(std::string_view name) const;
    [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// HTTP/1.1 requests from a byte stream (RFC 9110, 9112), strictly: what two implementations could
// read differently is refused. Stops after each head, so that the caller decides about the body
// before a byte of it is kept. Chunk extensions are checked and dropped. http_message_reader has
// the grammar that requests and replies share.
class http_request_parser {
public:
    using limits = http_limits;
    using event = http_event; // never interim
    using outcome = http_outcome;

    static constexpr std::size_t method_bytes_max = 64;         // 501
    static constexpr std::size_t target_bytes_max = 8UL * 1024; // 414
    static constexpr std::size_t chunk_line_bytes_max = 256;
    static constexpr std::size_t chunk_extension_bytes_max = 4UL * 1024; // a message
    static constexpr std::size_t trailer_bytes_max = 4UL * 1024;         // a message: 431
    static constexpr int empty_lines_max = 2;                            // before a request line

    explicit http_request_parser(limits chosen);
    ~http_request_parser();
    http_request_parser(const http_request_parser&) = delete;
    http_request_parser& operator=(const http_request_parser&) = delete;

    /// Stops at the first event other than `more`. A message without a body gives head, then
    /// complete at the next call, also with no bytes. After complete, call next_request() before
    /// the next feed().
    [[nodiscard]] outcome feed(std::string_view bytes);

    [[nodiscard]] const http_request& request() const;
    /// A view into the bytes of the last feed().
    [[nodiscard]] std::string_view body_piece() const;
    /// After complete, until next_request(): the trailers of a chunked body that
    /// is_allowed_in_trailers(); others are checked and dropped.
    [[nodiscard]] const http_fields& trailers() const;
    /// 400, 414, 431, 501 (transfer coding, CONNECT, a very long method) or 505.
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
