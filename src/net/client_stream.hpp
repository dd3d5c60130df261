// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/connect.hpp"
#include "net/send_queue.hpp"
#include "net/tls_client.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::net {

// One connection to a server with a protocol that the owner implements, with or without TLS: bytes
// in both directions. The coroutine that owns the stream calls receive(); sending never waits: all
// bytes sent in one turn of the loop leave together at its end. The sender limits the queue by
// unsent_bytes(). Single-threaded. Call close() before destroying it while receive() is suspended.
class client_stream {
public:
    struct target {
        std::string host;
        std::uint16_t port = 0;
        const tls_trust* trust = nullptr; // null: plain; otherwise TLS, outlives the stream
        std::string tls_name;             // of the certificate; empty: the host
    };

    /// Connects, and completes the TLS handshake. errc::unavailable and errc::timeout as connect();
    /// with TLS errc::denied and errc::malformed as tls_session::handshake().
    static asio::awaitable<result<std::unique_ptr<client_stream>>>
    open(asio::any_io_executor executor, target where, deadline until);

    ~client_stream();
    client_stream(const client_stream&) = delete;
    client_stream& operator=(const client_stream&) = delete;

    /// Waits for bytes; the view lives until the next call. errc::closed: the connection ended;
    /// errc::malformed: the peer broke the TLS session.
    asio::awaitable<result<std::string_view>> receive();

    /// Does nothing once the stream is closed.
    void send(std::string_view bytes);
    [[nodiscard]] std::size_t unsent_bytes() const;
    /// Bytes have arrived that receive() has not returned yet.
    [[nodiscard]] bool readable() const;

    /// Ends the connection now and wakes receive(). Unsent bytes are dropped.
    void close();
    [[nodiscard]] bool is_open() const { return open_; }

    [[nodiscard]] const peer_address& peer() const { return peer_; }
    [[nodiscard]] asio::any_io_executor executor() { return socket_.get_executor(); }

private:
    explicit client_stream(asio::ip::tcp::socket socket);

    asio::awaitable<result<void>> agree();
    asio::awaitable<result<std::string_view>> read_some();
    void seal_queued();
    void send_sealed();

    asio::ip::tcp::socket socket_;
    peer_address peer_;
    send_queue queue_;
    std::unique_ptr<tls_session> tls_; // null: plain
    std::vector<char> received_;
    std::string opened_;   // decrypted
    std::string unsealed_; // to be encrypted at the end of the loop's turn
    std::string sealed_;
    bool seal_posted_ = false;
    bool open_ = true;
    std::shared_ptr<bool> alive_; // false once destroyed: for callbacks still queued in the loop
};

} // namespace msd::net
