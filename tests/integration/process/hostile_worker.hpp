// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/worker_description.hpp"

#include <optional>
#include <string>

namespace msd::process {

// What a worker does that an attacker controls: everything that the descriptors of a worker allow.
//
//   "attack"        truncates and fills the shared memory, and sends messages that are wrong, out
//   of
//                   order, too long or carry descriptors; then it serves
//   "flood"         sends messages without end
//   "lie and hang"  writes a heartbeat of the far future and stops
//   "betray"        serves, and answers HAND_OVER with contradictory messages
//
/// Runs after READY. Nothing: the worker serves like any other.
[[nodiscard]] std::optional<int>
run_hostile_worker(const worker_description& own, const std::string& behaviour);

/// The messages of "betray".
void answer_handover_with_contradictions(const worker_description& own);

} // namespace msd::process
