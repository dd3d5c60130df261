// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "roles/distributor.hpp"

#include <asio/ip/tcp.hpp>

#include <utility>

namespace msd::roles {

// One connection of a distributor, and what only the distributor knows of it.
struct distributor::session {
    session(asio::ip::tcp::socket socket, worker& within, const packet_settings& limits)
        : connection{
              std::move(socket),
              within.dog,
              {limits.request_bytes_max, limits.frame_timeout}} {
        connection.send_pieces_apart();
    }

    /// Nothing it says counts any more.
    [[nodiscard]] bool is_ended() const { return ended_until.at() != time_point::max(); }

    net::packet_connection connection;
    core::registry::peer_id id = 0;
    int bad_frames = 0;
    int unanswered_pings = 0;
    int asked_behind_queue = 0;               // requests since it last read what it was sent
    deadline ended_until = deadline::never(); // given up: closed by then
};

} // namespace msd::roles
