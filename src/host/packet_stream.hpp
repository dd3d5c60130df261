// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/one_shot.hpp"
#include "services/service.hpp"
#include "services/stream_writer.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace msd::host {

class packet_session;

// The stream that answers one request: its packets on the connection of the session, and the credit
// that the caller has granted (docs/protocol.md, 4). So one stream has at most
// wire::stream_credit_bytes unsent and unread, however slowly its client reads.
class packet_stream final : public services::stream_writer {
public:
    packet_stream(packet_session& session, std::string_view key) : session_{session}, key_{key} {}

    void open(const services::reply& head) override;
    asio::awaitable<bool> write(std::string_view text) override;
    asio::awaitable<bool> write_event(wire::stream_part event) override;
    [[nodiscard]] ending must_end() const override { return ending_; }
    void on_ending(std::function<void()> react) override { react_ = std::move(react); }

    [[nodiscard]] bool is_open() const { return is_open_; }
    /// Sends the last packet, unless the caller has left. After it nothing can be written.
    void finish(const services::reply& outcome);
    /// The caller grants more; what exceeds the protocol's limit is ignored.
    void grant(std::size_t bytes);
    /// May resume the handler, which may end and destroy this.
    void end(ending why);

private:
    [[nodiscard]] asio::awaitable<bool> has_room(std::size_t cost);
    void wake();

    packet_session& session_;
    std::string key_; // raw token
    std::size_t credit_ = wire::stream_credit_bytes;
    ending ending_ = ending::none;
    std::function<void()> react_;
    net::one_shot<bool>* waiting_ = nullptr; // for credit
    bool is_open_ = false;
    bool is_event_stream_ = false;
};

} // namespace msd::host
