// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/stream_packets.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace msd::services {

struct reply;

// With it the handler of a route with `stream` writes its reply in parts; implemented by the
// service host. A gateway hands them out as chunks, or as server-sent events when the head has the
// content-type text/event-stream; then each write() is the data of one event. Belongs to the
// request: valid until the handler has returned.
class stream_writer {
public:
    // Why the stream has to end before the handler has written everything.
    enum class ending : std::uint8_t {
        none,
        draining, // the worker shuts down: a stream without an end of its own has to end now
        cancelled // the caller has left: nothing is sent any more
    };

    virtual ~stream_writer() = default;

    /// Sends the status and the headers of `head`, from which on the reply is a stream. Once; its
    /// body is what write() sends.
    virtual void open(const reply& head) = 0;
    /// Sends the text in one or more parts; waits while the caller has no room. False when the
    /// caller has left. After open(); one call at a time. `text` must be UTF-8 and live until this
    /// returns.
    virtual asio::awaitable<bool> write(std::string_view text) = 0;
    /// The same for one event with a name or an id. It is sent as one part: throws
    /// std::length_error when its cost() exceeds wire::stream_part_cost_max, which ends the stream
    /// as incomplete. This holds also for write() to text/event-stream.
    virtual asio::awaitable<bool> write_event(wire::stream_part event) = 0;

    [[nodiscard]] virtual ending must_end() const = 0;
    /// `react` is called from the event loop whenever must_end() has changed. Empty: nothing. A
    /// handler that waits for its next part must have it end the wait.
    virtual void on_ending(std::function<void()> react) = 0;
};

} // namespace msd::services
