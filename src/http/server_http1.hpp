// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/server_connection.hpp"
#include "http/server_stream.hpp"
#include "http/stream_handler.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>

namespace msd::http {

// server_stream of HTTP/1.1: one request of a server_connection. Frames the reply: with the length
// when it is known, otherwise in chunks, or for HTTP/1.0 by the end of the connection. Decides
// whether the connection stays open. serve_http1() makes one for each request.
class http1_stream final : public server_stream {
public:
    enum class request_state : std::uint8_t {
        usable,
        malformed // there is no request(); only for an error reply
    };

    http1_stream(server_connection& connection, stream_handler& handler, request_state state);

    [[nodiscard]] const wire::http_request& request() const override;
    void release_request() override;
    [[nodiscard]] const net::peer_address& peer() const override;
    asio::awaitable<result<std::string_view>> read_piece() override;
    asio::awaitable<result<std::string>>
    read_all(std::size_t bytes_max, net::byte_budget::share* memory) override;
    void stop_reading() override;
    [[nodiscard]] const wire::http_fields& trailers() const override;

    void send_interim(int status, const wire::http_fields* fields) override;
    void send_head(const reply_head& head) override;
    [[nodiscard]] bool is_head_sent() const override { return head_sent_; }
    void send(std::string_view bytes) override;
    void send(std::shared_ptr<const void> owner, std::string_view bytes) override;
    asio::awaitable<bool> writable(std::size_t unsent_max) override;
    void finish(const wire::http_fields* trailers) override;
    void reset() override;

    [[nodiscard]] bool is_open() const override;
    void on_abort(std::function<void()> react) override;
    [[nodiscard]] std::uint64_t bytes_in() const override;
    [[nodiscard]] std::uint64_t bytes_out() const override;

    /// After the handler: resets what it has left open. Whether another request can follow without
    /// end().
    [[nodiscard]] bool can_continue();
    /// Ends the connection so that the client receives what was sent to it, or sees that the reply
    /// is cut.
    asio::awaitable<void> end();

private:
    // How the end of the reply's body is marked.
    enum class framing : std::uint8_t {
        none, // there is no body
        counted,
        chunked,
        until_close,
        tunnel
    };

    [[nodiscard]] framing framing_of(const reply_head& head) const;
    template <class Write>
    void compose(Write write);
    [[nodiscard]] bool takes(std::string_view bytes);

    server_connection& connection_;
    stream_handler& handler_;
    std::uint64_t queued_ = 0; // bytes of the reply
    std::uint64_t left_ = 0;   // of a counted body
    framing framing_ = framing::none;
    int minor_version_ = 1;
    bool head_only_ = false; // HEAD: the reply without its body
    bool takes_trailers_ = false;
    bool keep_alive_ = false;
    bool head_sent_ = false;
    bool finished_ = false;
    bool reset_ = false;
};

/// Serves the requests of a connection one after the other until it ends, and closes it.
asio::awaitable<void> serve_http1(server_connection* connection, stream_handler* handler);

} // namespace msd::http
