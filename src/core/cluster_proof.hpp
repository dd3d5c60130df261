// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/binary.hpp"
#include "base/hmac.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "core/cluster_secrets.hpp"
#include "wire/auth_packets.hpp"

#include <cstdint>
#include <memory>
#include <string>

// How two nodes prove to each other that they hold a secret of the cluster (docs/protocol.md, 5):
//
//     initiator (connected)                    responder (accepted the connection)
//     opening: challenge, from, to      ──►
//                                       ◄──    answer: challenge, one proof for each secret
//     confirmation: one proof           ──►
//
// Each proof is an HMAC over both challenges, the sides' roles, and who connects to whom. So it is
// of no use on another connection, in the other direction, or towards another node. State machines
// of both sides: no sockets, no clocks, and the challenges are arguments. The owner sends what they
// return, and ends the connection after an error.
namespace msd::core {

using shared_secrets = std::shared_ptr<const cluster_secrets>;

enum class proof_side : std::uint8_t { initiator, responder };

/// The text that a side authenticates.
[[nodiscard]] std::string
proven_text(proof_side side, const wire::auth_opening& opening, const bytes_32& answered);

// The side that connected.
class proof_initiator {
public:
    /// `opening.challenge` is random and never used again. `secrets` is not empty.
    proof_initiator(shared_secrets secrets, wire::auth_opening opening);

    /// The first frame.
    [[nodiscard]] std::string opening_frame() const;

    /// Handles the value of `auth` in a packet of the peer. Returns the frame to send; then the
    /// peer is proven. errc::refused: the peer refuses, with its reason; errc::denied: the peer
    /// does not prove a common secret; errc::malformed.
    [[nodiscard]] result<std::string> receive(const json::value& auth);

    [[nodiscard]] bool is_proven() const { return proven_; }

private:
    shared_secrets secrets_;
    wire::auth_opening opening_;
    bool proven_ = false;
    bool ended_ = false; // an answer is accepted once
};

// The node that accepted the connection, as its peers address it.
struct proof_target {
    bool is_registry = false;
    wire::auth_node node; // an empty host is not compared
};

// The side that accepted the connection.
class proof_responder {
public:
    enum class stage : std::uint8_t { opening, confirmation, proven, refused };

    /// `challenge` is random and never used again. `secrets` is not empty.
    proof_responder(shared_secrets secrets, proof_target self, bytes_32 challenge);

    /// Handles the value of `auth` in a packet of the peer. Returns the frame to send; it is empty
    /// once the peer is proven. Errors as of proof_initiator::receive().
    [[nodiscard]] result<std::string> receive(const json::value& auth);

    [[nodiscard]] stage now() const { return stage_; }
    [[nodiscard]] bool is_proven() const { return stage_ == stage::proven; }
    /// The node that the peer says it is, once the opening was received.
    [[nodiscard]] const wire::auth_node& peer() const { return opening_.from; }
    /// The peer is proven, and the secret that it proved is one of `secrets`.
    [[nodiscard]] bool is_proven_by(const cluster_secrets& secrets) const;

    /// Writes the state for a process that continues the connection.
    void write(binary_writer& out) const;
    /// Reads what write() wrote; the reader fails when the bytes are not such a state.
    void read(binary_reader& in);

private:
    [[nodiscard]] result<std::string> answer(const wire::auth_opening& opening);
    [[nodiscard]] result<std::string> confirm(const wire::auth_confirmation& packet);
    [[nodiscard]] bool is_addressed(const wire::auth_opening& opening) const;

    shared_secrets secrets_;
    proof_target self_;
    bytes_32 challenge_;
    wire::auth_opening opening_;
    bytes_32 proven_id_{}; // of the secret
    stage stage_ = stage::opening;
};

} // namespace msd::core
