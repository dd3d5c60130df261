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

// The head of a reply. `headers` are the fields that can be handed on: without those that are for
// this connection only (is_hop_by_hop() and the names in Connection), and without Content-Length.
// What these meant is in the other members.
struct http_response {
    int status = 0; // 100 to 599
    int minor_version = 1;
    http_fields headers;
    // Of the body, or of the body that a HEAD request or a 304 does without.
    std::optional<std::uint64_t> content_length;
    bool has_body = false;    // false also for a Content-Length of 0
    bool chunked = false;     // of the body that follows
    bool until_close = false; // the body ends with the connection
    bool keep_alive = true;   // the program keeps the connection after this reply
    std::string upgrade;      // 101: the protocols of Upgrade
    // The program has announced to keep an idle connection for this long (Keep-Alive: timeout=…).
    std::optional<std::uint32_t> idle_s;

    [[nodiscard]] bool is_interim() const { return status < 200 && status != 101; }
    /// The first header of that name; null when there is none.
    [[nodiscard]] const std::string_view* header(std::string_view name) const {
        return headers.find(name);
    }
};

// HTTP/1.1 replies from a byte stream (RFC 9110, 9112), as strictly as http_request_parser reads
// requests: two Content-Lengths, a Content-Length beside Transfer-Encoding, another coding than
// chunked, folded lines, and line ends other than CR LF are refused. A reply is read only when a
// request waits for one, because the request decides whether a body follows. Bytes that come at any
// other time, and bytes behind a complete reply, are not consumed: they are surplus, and no reply
// that follows them can be trusted.
class http_response_parser {
public:
    using limits = http_limits;
    using event = http_event;
    using outcome = http_outcome;

    static constexpr limits default_limits{.head_bytes_max = 64UL * 1024, .headers_max = 200};
    static constexpr int interims_max = 100; // before the final reply

    // The request that waits for the reply.
    struct expectation {
        bool head = false;    // a HEAD request: the reply has no body
        bool upgrade = false; // the request had Upgrade; without it a 101 is refused
    };

    explicit http_response_parser(limits chosen = default_limits);
    ~http_response_parser();
    http_response_parser(const http_response_parser&) = delete;
    http_response_parser& operator=(const http_response_parser&) = delete;

    /// Ready for the reply to a request. Before the first reply, or after `complete`.
    void expect(expectation request);

    /// Stops at the first event other than `more`. A reply without a body gives head, then complete
    /// at the next call, also with no bytes. After the head of a 101, everything is `body`, until
    /// end(). While no reply is expected: complete, with nothing consumed; bytes that are left are
    /// surplus.
    [[nodiscard]] outcome feed(std::string_view bytes);
    /// The connection has ended: `complete` when the reply is complete, also a body that ends with
    /// the connection; otherwise `failed`.
    [[nodiscard]] event end();

    /// After interim, until the next feed(); after head, until expect() or drop_response(). The
    /// caller may change it.
    [[nodiscard]] http_response& response();
    [[nodiscard]] const http_response& response() const;
    /// A view into the bytes of the last feed().
    [[nodiscard]] std::string_view body_piece() const;
    /// After complete, until expect() or drop_response(): the trailers of a chunked body that
    /// is_allowed_in_trailers(); others are checked and dropped.
    [[nodiscard]] const http_fields& trailers() const;
    /// Why the reply is refused; a literal.
    [[nodiscard]] const char* failure_text() const;

    /// No reply is expected: the last one is complete.
    [[nodiscard]] bool is_complete() const;
    /// Whether a byte of the expected reply was consumed, interim replies included.
    [[nodiscard]] bool has_begun() const;
    /// After complete: drops the reply and frees memory that an idle connection does not need.
    void drop_response();
    /// Roughly the memory of the head.
    [[nodiscard]] std::size_t held_bytes() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace msd::wire
