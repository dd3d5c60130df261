// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "roles/distributor.hpp"

#include <asio/ip/tcp.hpp>

#include <utility>

namespace msd::roles {

// One connection of a distributor with the state that the registry does not need.
struct distributor::session {
    session(asio::ip::tcp::socket socket, worker& within, const packet_settings& limits)
        : connection{
              std::move(socket),
              within.dog,
              {limits.request_bytes_max, limits.frame_timeout, &within.input, true}} {
        connection.send_pieces_apart();
    }

    /// The connection is being closed: its input is ignored.
    [[nodiscard]] bool is_ended() const { return ended_until.at() != time_point::max(); }

    net::packet_connection connection;
    core::registry::peer_id id = 0;
    int bad_frames = 0;
    int unanswered_pings = 0;
    int asked_behind_queue = 0;               // requests since it last read its queue
    deadline ended_until = deadline::never(); // the latest time at which it is closed
};

} // namespace msd::roles
