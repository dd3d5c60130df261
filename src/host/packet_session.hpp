// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/cluster_proof.hpp"
#include "host/service_host.hpp"
#include "net/packet_connection.hpp"
#include "node/unproven_peers.hpp"
#include "services/service.hpp"
#include "wire/node_packets.hpp"
#include "wire/packet.hpp"
#include "wire/request_size.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::host {

class packet_stream;

// The service's side of one packet connection: many requests are handled at a time, and each reply
// is sent when it is ready. A malformed packet gets one error reply where a key can be read; the
// tenth ends the connection. Other connections are not affected.
class packet_session : public std::enable_shared_from_this<packet_session> {
public:
    packet_session(service_host& host, asio::ip::tcp::socket socket, net::watchdog& dog);

    /// Serves until the connection ends.
    asio::awaitable<void> run();

    /// The worker shuts down. An msd peer receives goaway and closes the connection when it has all
    /// its replies; if it does not, this side ends the stream 5 s after the peer's last packet. For
    /// any other peer this side ends the stream once all requests are answered, but a peer that has
    /// sent nothing yet may still send. A peer with no reply pending that does not close within 2 s
    /// after the end of the stream is disconnected.
    void start_draining();
    /// The same for peers that have not sent anything.
    void close_if_idle();
    /// Sends the change to a peer that asked for changes in its hello; other peers get nothing.
    void send_change(const wire::change& made);
    [[nodiscard]] std::size_t unsent_bytes() const { return connection_.unsent_bytes(); }
    /// Closes the connection because the peer sends requests and does not read the replies.
    void close_unread();
    /// Sends hello again, because the number of workers of the pool has changed.
    void send_workers();
    /// The peer has sent a hello: it is an msd node.
    [[nodiscard]] bool is_msd() const { return msd_; }
    /// The peer has to prove the cluster secret and has not done so.
    [[nodiscard]] bool is_unproven() const { return waiting_.has_value(); }
    /// Ends the stream to the peer once the queue is sent.
    void finish();

    // For packet_stream.
    void open_stream(std::string_view key, const services::reply& head);
    void send_part(std::string_view key, const wire::stream_part& part);
    void end_stream(std::string_view key, const services::reply& outcome);

private:
    static constexpr milliseconds unread_limit{30'000}; // for a peer to read what it is sent

    // One request that a handler works on.
    struct running {
        std::string key;
        bool wanted = true;              // false: the peer has cancelled it
        packet_stream* stream = nullptr; // its reply can be one
    };
    // Decrements the count of requests when a handler has ended. The session has incremented it.
    struct counted_work {
        explicit counted_work(int& number) : in_work{number} {}
        ~counted_work() { --in_work; }
        counted_work(const counted_work&) = delete;
        counted_work& operator=(const counted_work&) = delete;
        int& in_work;
    };

    [[nodiscard]] bool dispatch(std::string_view frame);
    // The proof of the cluster secret: packet_session_proof.cpp.
    void await_proof();
    [[nodiscard]] bool handle_unproven();
    [[nodiscard]] bool handle_auth(const json::value& auth);
    [[nodiscard]] bool is_msd_without_proof() const;
    [[nodiscard]] bool refuse_unproven();
    [[nodiscard]] bool deny(const std::string& text);
    [[nodiscard]] bool deny_early();
    [[nodiscard]] bool is_too_early(std::size_t bytes) const {
        return waiting_ && bytes > node::unproven_peers::bytes_max;
    }
    void refuse_size(std::string_view received);
    void greet(const json::value& hello);
    void send_hello();
    [[nodiscard]] bool request();
    void start(const services::route& row, services::arguments args);
    asio::awaitable<void>
    execute(const services::route* row, services::call request, std::string key);
    void note_key();
    // Replies that are streams: packet_session_streams.cpp.
    [[nodiscard]] bool may_stream(std::string_view key);
    asio::awaitable<void>
    execute_stream(const services::route* row, services::call request, std::string key);
    [[nodiscard]] bool grant_credit();
    void end_streams(services::stream_writer::ending why);
    void cancel(const json::value& key);
    [[nodiscard]] bool malformed(std::string_view why);
    void reply(std::string_view key, services::reply answer);
    asio::awaitable<void> close_after_replies(bool peer_ended);
    void refuse(std::string_view why, int status);
    void send_goaway();
    void close_if_done();
    void close_if_unread();
    void close_other_protocol();
    void on_end_guard();

    service_host& host_;
    net::packet_connection connection_;
    wire::packet packet_;                        // reused for every frame
    std::optional<core::proof_responder> proof_; // once the peer has sent an auth packet
    std::list<running*> running_;
    asio::steady_timer idle_; // cancelled when nothing is in work any more
    wire::request_size_check sizes_;
    int in_work_ = 0; // requests started and not answered
    int malformed_ = 0;
    services::sender peer_;          // what is known of it; complete after its hello
    bool msd_ = false;               // the peer has sent a hello
    bool receives_changes_ = false;  // and has asked for changes
    bool takes_streams_ = false;     // and accepts streams
    std::uint64_t last_key_ = 0;     // the largest key of a request
    net::watchdog::guard end_guard_; // used once the worker shuts down
    time_point received_at_ = clock::now();
    deadline owed_until_{time_point::min()}; // the latest time at which a handler may end
    bool has_received_ = false;              // the peer has sent a packet
    bool is_draining_ = false;
    bool finishing_ = false;                             // finish() was called
    std::optional<node::unproven_peers::place> waiting_; // while the peer has to prove the secret
};

} // namespace msd::host
