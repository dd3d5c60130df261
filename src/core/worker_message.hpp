// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace msd::core {

// A message between master and worker on the control channel, one datagram each. Messages are text,
// so that they can be read in strace and in core dumps: `READY`, `FATAL reason`.
struct worker_message {
    enum class kind : std::uint8_t {
        hello,     // worker → master: the program runs; text is its version and build
        ready,     // worker → master: the worker serves
        extend,    // worker → master: the start takes longer; no role sends it at present
        draining,  // worker → master: accepts no new connections
        drained,   // worker → master: has finished everything and exits
        fatal,     // worker → master: cannot continue; text is the reason
        drain,     // master → worker: finish what is in flight, then exit; text: see last_of_pool
        stop,      // master → worker: exit within a second; text: see last_of_pool
        hand_over, // master → worker: hand the state over to the worker at the attached socket
        kept,  // worker → master: the handover failed, the worker continues; text is the reason
        serve, // master → worker: the worker to take over from has ended; serve without its state
        scale, // master → worker: the new number of workers in the pool, as text
        reopen, // master → worker: reopen the log files
        stats,  // worker → master: text is a JSON object
    };

    kind what = kind::hello;
    std::string text;
};

constexpr std::size_t worker_message_bytes_max = 4096;

/// The text of DRAIN and STOP when the whole pool stops: no other worker will accept the
/// connections that wait in the queues of its sockets, so the worker accepts them before it closes
/// the sockets.
constexpr std::string_view last_of_pool = "last";

/// A handover succeeds or fails within this time; the old worker does not serve during it.
constexpr milliseconds handover_limit{5000};

/// A worker outlives its master by at most this time, even when its event loop hangs.
constexpr std::chrono::seconds orphan_limit{10};

/// At most worker_message_bytes_max bytes; a longer text is truncated.
[[nodiscard]] std::string encode(const worker_message& message);
[[nodiscard]] result<worker_message> decode_worker_message(std::string_view datagram);

} // namespace msd::core
