// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "net/byte_budget.hpp"
#include "net/connect.hpp"
#include "wire/http_fields.hpp"
#include "wire/http_request_parser.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::http {

// The head of a reply. The stream frames the body: `fields` and `lines` must not contain
// Connection, Keep-Alive, Transfer-Encoding, Content-Length, Upgrade or TE.
struct reply_head {
    int status = 200;
    std::string_view content_type;             // empty: none, or in `fields`
    const wire::http_fields* fields = nullptr; // further fields, in order; may be null
    std::string_view lines;                    // further complete header lines, each with CR LF
    // Of the body that follows, or that would follow a HEAD request; none: unknown, the body ends
    // with finish().
    std::optional<std::uint64_t> content_length;
    bool has_date = false; // `fields` contain Date; otherwise the stream adds its own
    // 101 only: the protocol of the Upgrade field. After this head both directions are raw bytes.
    std::string_view upgrade;
};

// One request of a client and the reply to it, whatever the codec: HTTP/1.1 now, HTTP/2 later. The
// gateway's exchange and its backends use only this interface; they see no socket and write no
// framing.
//
// How it fits HTTP/2 (RFC 9113): a stream is one HTTP/2 stream. send_interim() and send_head() are
// HEADERS frames, send() is DATA within the flow control windows (writable() waits for them),
// finish() sets END_STREAM after optional trailers, reset() is RST_STREAM, and read_piece() grants
// window only for what was read. There are no connection fields in the interface, because HTTP/2
// has none: whether the connection stays open, is the codec's decision. A tunnel is an extended
// CONNECT (RFC 8441) there. Many streams of one connection can be open at a time; one of HTTP/1.1
// has one.
//
// Single-threaded. Everything is called from the coroutine of the exchange or from coroutines that
// it has started and awaits.
class server_stream {
public:
    server_stream() = default;
    virtual ~server_stream() = default;
    server_stream(const server_stream&) = delete;
    server_stream& operator=(const server_stream&) = delete;

    // The request.

    /// Valid until the end of the exchange, or until release_request().
    [[nodiscard]] virtual const wire::http_request& request() const = 0;
    /// Frees the head of the request, which the exchange needs no longer, while the service works;
    /// request() is empty then. Does nothing before the body has been read completely.
    virtual void release_request() = 0;
    [[nodiscard]] virtual const net::peer_address& peer() const = 0;
    /// The next bytes of the body as they arrive, at most 64 KiB; empty at its end. The view is
    /// valid until the next call. No more is received than one buffer holds until the next call.
    /// After send_head() with 101: raw bytes of the client; empty when it has ended its direction.
    /// Does not send 100 Continue. errc::malformed, timeout (the body has made no progress for
    /// gateway.body_timeout_ms), refused (the worker's budget of unfinished input has no room),
    /// closed. After an error the request cannot be read further; a reply can be sent.
    virtual asio::awaitable<result<std::string_view>> read_piece() = 0;
    /// The whole body, for backends that need it complete; instead of read_piece(). Sends 100
    /// Continue first when the client waits for it. `memory` grows with the body and belongs to the
    /// caller. Errors are those of read_piece(), where gateway.body_timeout_ms is for the whole
    /// body and refused also means that `memory` has no room; and errc::too_large, as soon as the
    /// body is known to exceed `bytes_max`. After an error `memory` may keep its size.
    virtual asio::awaitable<result<std::string>>
    read_all(std::size_t bytes_max, net::byte_budget::share* memory) = 0;
    /// The backend reads no further: a read_piece() that waits, and each later one, returns
    /// errc::cancelled. The stream drops the rest of the request, or closes the connection after
    /// the reply. For HTTP/2: RST_STREAM with NO_ERROR after END_STREAM of the reply (RFC
    /// 9113, 8.1).
    virtual void stop_reading() = 0;
    /// After read_piece() has returned the end: the trailers of a chunked body.
    [[nodiscard]] virtual const wire::http_fields& trailers() const = 0;

    // The reply.

    /// An informational reply: 100 (Continue), 103 (Early Hints), … It is left out for clients of
    /// HTTP/1.0. Before send_head() only; `fields` may be null.
    virtual void send_interim(int status, const wire::http_fields* fields) = 0;
    /// Exactly once, unless the stream is reset before.
    virtual void send_head(const reply_head& head) = 0;
    [[nodiscard]] virtual bool is_head_sent() const = 0;
    /// Body bytes. They are copied, or kept alive by `owner`. Without body (HEAD, 204, 304) they
    /// are dropped. Never waits: the caller limits what is queued by writable().
    virtual void send(std::string_view bytes) = 0;
    virtual void send(std::shared_ptr<const void> owner, std::string_view bytes) = 0;
    /// Waits until at most `unsent_max` bytes of the connection are unsent; false when the stream
    /// has ended instead, for example because the client made no progress for
    /// gateway.send_stall_timeout_ms. Returns without suspending when that is so already.
    virtual asio::awaitable<bool> writable(std::size_t unsent_max) = 0;
    /// The end of the body; `trailers` may be null, and are sent only where the client accepts them
    /// (TE: trailers, and a chunked reply). A body shorter than its content_length ends as reset().
    /// In a tunnel: ends this direction.
    virtual void finish(const wire::http_fields* trailers = nullptr) = 0;
    /// Cuts the reply so that the client sees that it is not complete: never an end of chunks. With
    /// no byte of the reply sent it closes the connection.
    virtual void reset() = 0;

    /// False after reset(), and when the client's connection has ended.
    [[nodiscard]] virtual bool is_open() const = 0;
    /// `react` is called once, from the event loop, when the client's connection is reset or closed
    /// while the exchange goes on, whichever side closed it; reset() and the end of the exchange
    /// remove it. A client that has only shut down its sending side does not count. Replaces an
    /// earlier one; empty: none.
    virtual void on_abort(std::function<void()> react) = 0;

    /// Bytes received of the request and sent of the reply, with heads and framing, for the log.
    [[nodiscard]] virtual std::uint64_t bytes_in() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes_out() const = 0;
};

} // namespace msd::http
