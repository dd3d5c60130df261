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

// What master and worker say to each other over the control channel, one datagram each. As text, so
// that strace and a core dump can be read: `READY`, `FATAL reason`.
struct worker_message {
    enum class kind : std::uint8_t {
        hello,     // worker → master: the executable runs; text is its version and build
        ready,     // worker → master: serving
        extend,    // worker → master: start-up takes longer; no role of today needs to say so
        draining,  // worker → master: no new connections
        drained,   // worker → master: nothing left, leaving
        fatal,     // worker → master: cannot go on; text says why
        drain,     // master → worker: finish and leave; text: see last_of_pool
        stop,      // master → worker: leave within a second; text: see last_of_pool
        hand_over, // master → worker: give your state to the worker behind the attached socket
        kept,      // worker → master: that failed, I go on; text says why
        serve,     // master → worker: whose state you were to take is gone; begin without
        scale,  // master → worker: the pool has so many workers from now on; text is the number
        reopen, // master → worker: open log files anew
        stats,  // worker → master: text is a JSON object
    };

    kind what = kind::hello;
    std::string text;
};

constexpr std::size_t worker_message_bytes_max = 4096;

/// The text of DRAIN and STOP when the whole pool stops: nobody else will accept the connections
/// that wait in the queues of its sockets, so the worker does before it closes them.
constexpr std::string_view last_of_pool = "last";

/// HAND_OVER has an outcome within that time; the old worker serves nobody meanwhile.
constexpr milliseconds handover_limit{5000};

/// A worker outlives its master by no more than that, whatever it is doing.
constexpr std::chrono::seconds orphan_limit{10};

/// At most worker_message_bytes_max bytes; a longer text is cut.
[[nodiscard]] std::string encode(const worker_message& message);
[[nodiscard]] result<worker_message> decode_worker_message(std::string_view datagram);

} // namespace msd::core
