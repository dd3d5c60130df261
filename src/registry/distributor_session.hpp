// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/change_rate.hpp"
#include "core/cluster_proof.hpp"
#include "node/unproven_peers.hpp"
#include "registry/distributor.hpp"

#include <asio/ip/tcp.hpp>

#include <optional>
#include <utility>

namespace msd::registry {

// One connection of a distributor with the state that the registry does not need.
struct distributor::session {
    session(
        asio::ip::tcp::socket socket,
        node::worker& within,
        const distributor_settings& settings
    )
        : connection{
              std::move(socket),
              within.dog,
              {settings.packets.request_bytes_max,
               settings.packets.frame_timeout,
               &within.input,
               true}},
          changes{
              {static_cast<double>(settings.limits.changes_per_s_max),
               static_cast<double>(settings.limits.changes_burst_max)},
              clock::now()} {
        connection.send_pieces_apart();
    }

    /// The connection is being closed: its input is ignored.
    [[nodiscard]] bool is_ended() const { return ended_until.at() != time_point::max(); }

    [[nodiscard]] bool is_proven() const { return proof && proof->is_proven(); }

    net::packet_connection connection;
    std::optional<core::proof_responder> proof;         // once the peer has sent an auth packet
    std::optional<node::unproven_peers::place> waiting; // while the peer has to prove the secret
    core::registry::peer_id id = 0;
    int bad_frames = 0;
    int unanswered_pings = 0;
    int asked_behind_queue = 0;               // requests since it last read its queue
    deadline ended_until = deadline::never(); // the latest time at which it is closed
    core::change_rate changes;
    bool was_delayed = false;               // because of its changes, and that was logged
    time_point unsent_since = clock::now(); // when its queue was empty last
};

} // namespace msd::registry
