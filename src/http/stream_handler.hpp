// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/server_stream.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <string_view>

namespace msd::http {

// What a codec of the server's side needs of its owner: whatever the requests mean.
class stream_handler {
public:
    stream_handler() = default;
    virtual ~stream_handler() = default;
    stream_handler(const stream_handler&) = delete;
    stream_handler& operator=(const stream_handler&) = delete;

    /// Handles one request up to the last call of `stream->finish()` or `stream->reset()`. Whatever
    /// it leaves open is reset.
    virtual asio::awaitable<void> serve(server_stream* stream) = 0;
    /// Replies to a request whose head is malformed or not complete; request() must not be used.
    virtual void refuse_malformed(server_stream& stream, int status, std::string_view text) = 0;
    /// The worker ends: each connection ends after the next reply, which announces it.
    [[nodiscard]] virtual bool is_draining() const = 0;
    /// A reply was queued completely for a client that now has `unsent` bytes. Can close any
    /// connection.
    virtual void note_reply(std::size_t unsent) = 0;
};

} // namespace msd::http
