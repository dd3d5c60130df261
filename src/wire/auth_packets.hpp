// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/hmac.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The packets with which two msd nodes prove to each other that they hold the cluster secret
// (docs/protocol.md, 5): {"auth":{…}}. core/cluster_proof.hpp decides what they mean. Reading
// accepts exactly one form of each value, so that both sides compute the same text from it.
namespace msd::wire {

/// The version of the proof.
inline constexpr int auth_version = 1;
/// No packet of a proof is larger.
inline constexpr std::size_t auth_bytes_max = 4096;
inline constexpr std::size_t auth_proofs_max = 8;

// A node as it is registered. A tool and a caller that is not registered have port 0.
struct auth_node {
    std::string name;
    std::string host; // empty: the address that the registry sees
    std::uint16_t port = 0;

    bool operator==(const auth_node&) const = default;
};

// The first packet, from the side that connected.
struct auth_opening {
    int version = auth_version;
    bytes_32 challenge{};
    auth_node from;
    bool to_registry = false; // to the registry; else to the node `to`
    auth_node to;

    bool operator==(const auth_opening&) const = default;
};

// The answer of the side that was connected to, with one proof for each of its secrets.
struct auth_answer {
    int version = auth_version;
    bytes_32 challenge{};
    std::vector<bytes_32> proofs;
};

// The last packet, from the side that connected.
struct auth_confirmation {
    bytes_32 proof{};
};

// In place of any of these: the sender closes the connection.
struct auth_refusal {
    std::string why;
};

using auth_packet = std::variant<auth_opening, auth_answer, auth_confirmation, auth_refusal>;

/// Reads the value of `auth`. errc::malformed with a text for the peer.
[[nodiscard]] result<auth_packet> read_auth(const json::value& auth);

/// Each appends one frame.
void append_auth(std::string& out, const auth_opening& packet);
void append_auth(std::string& out, const auth_answer& packet);
void append_auth(std::string& out, const auth_confirmation& packet);
void append_auth(std::string& out, const auth_refusal& packet);

} // namespace msd::wire
