// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/registry.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The state that a distributor's worker hands over to its replacement, so that no node notices the
// change: the registry, and of each connection the state that is in the worker and not in the
// kernel. It is encoded as bytes with a version. Reading accepts any bytes and either understands
// all of them or returns an error. The sockets themselves are passed separately
// (net/descriptor_channel.hpp).
namespace msd::core {

/// Both workers must have the same version; otherwise the old worker continues to serve.
inline constexpr std::uint64_t handover_version = 3;
/// More than twice nodes_max nodes with full queues need.
inline constexpr std::size_t handover_bytes_max = std::size_t{1} << 30;

// Bytes that several queues may share.
struct shared_bytes {
    std::shared_ptr<const void> owner; // empty, or keeps the bytes alive
    std::string_view bytes;
};

struct carried_connection {
    registry::peer_id id = 0;
    int bad_frames = 0;
    int unanswered_pings = 0;
    time_point frame_until = time_point::max(); // deadline of the unfinished frame
    time_point ended_until = time_point::max(); // deadline of the last bytes, when being closed
    std::string_view unread;                    // received bytes of an incomplete frame
    std::string proof;                          // of proof_responder::write(); empty: none begun
    std::vector<shared_bytes> unsent;           // piece by piece
};

struct registry_handover {
    registry state;
    // In the order of their sockets. Every peer of the registry has one.
    std::vector<carried_connection> connections;
};

/// Bytes that several queues share are written once. errc::too_large: over handover_bytes_max.
[[nodiscard]] result<std::string>
write_handover(const registry& state, std::span<const carried_connection> connections);

/// Views in the result refer to `bytes`; unsent pieces own theirs. errc::malformed, errc::invalid
/// (another version).
[[nodiscard]] result<registry_handover>
read_handover(std::string_view bytes, const registry_settings& settings);

} // namespace msd::core
