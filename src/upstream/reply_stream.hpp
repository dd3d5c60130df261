// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/one_shot.hpp"
#include "net/watchdog.hpp"
#include "wire/stream_packets.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

namespace msd::upstream {

class upstream_connection;

// The body of a reply that is a stream (docs/protocol.md, 4). The caller pulls the parts; the
// service sends at most wire::stream_credit_bytes ahead of it, so that is what this holds at most.
// A stream may be silent: the connection detects a service that is hung or gone. Single-threaded.
class reply_stream {
public:
    reply_stream(std::shared_ptr<upstream_connection> from, std::uint64_t key);
    /// Cancels the stream when its end has not arrived.
    ~reply_stream();
    reply_stream(const reply_stream&) = delete;
    reply_stream& operator=(const reply_stream&) = delete;

    /// The next part; nothing: the stream is complete. errc::timeout: none arrived before `until`,
    /// and the stream goes on. errc::closed: the connection ended before; unavailable: the service
    /// reports that it cannot complete the stream; malformed: it violates the protocol; cancelled:
    /// by cancel(). After any of these the body is incomplete. Parts that arrived before an error
    /// are returned first, but not after cancel(). One call at a time.
    asio::awaitable<result<std::optional<wire::stream_part>>>
    next(deadline until = deadline::never());

    /// For tests: as if the connection ended behind so many bytes of text.
    void break_after(std::uint64_t bytes) { bytes_left_ = bytes; }

    /// Wakes next(), and tells the service that nobody waits for the rest.
    void cancel();

private:
    friend class upstream_connection; // gives the packets

    void receive(const wire::packet& packet);
    void end(std::optional<error> why);
    void leave(bool tells_service);
    void wake();

    std::shared_ptr<upstream_connection> connection_; // null once nothing more can arrive
    std::uint64_t key_;
    std::deque<wire::stream_part> parts_;
    std::size_t credit_ = wire::stream_credit_bytes; // what the service may still send
    std::size_t taken_ = 0;                          // cost of the parts not granted again yet
    std::optional<error> failure_;
    std::optional<std::uint64_t> bytes_left_; // see break_after()
    net::one_shot<bool>* waiting_ = nullptr;  // in next()
    net::watchdog::guard guard_;              // of that wait
};

} // namespace msd::upstream
