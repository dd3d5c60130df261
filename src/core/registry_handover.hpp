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

// What a distributor's worker leaves to the one that takes its place, so that no node notices: the
// registry, and of each connection what is in the worker and not in the kernel. As bytes with a
// version; reading takes any bytes and either understands all of them or says why not. The sockets
// themselves travel beside it (net/descriptor_channel.hpp).
namespace msd::core {

/// Both sides must have the same: any other is refused, and the old worker goes on.
inline constexpr std::uint64_t handover_version = 2;
/// As much as two fleets of nodes_max with full queues would not have, but a leak would.
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
    time_point frame_until = time_point::max(); // when the unfinished frame is too late
    time_point ended_until = time_point::max(); // it is being given up: its last bytes' deadline
    std::string_view unread;                    // received, but no whole frame
    std::vector<shared_bytes> unsent;           // piece by piece
};

struct registry_handover {
    registry state;
    // In the order of their sockets. Every peer of the registry has one.
    std::vector<carried_connection> connections;
};

/// What several queues share is written once. errc::too_large: over handover_bytes_max.
[[nodiscard]] result<std::string>
write_handover(const registry& state, std::span<const carried_connection> connections);

/// Views in it are of `bytes`, unsent pieces own theirs. errc::malformed, errc::invalid (another
/// version).
[[nodiscard]] result<registry_handover>
read_handover(std::string_view bytes, const registry_settings& settings);

} // namespace msd::core
