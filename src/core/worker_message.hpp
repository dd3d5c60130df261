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
        reopen,     // master → worker: reopen the log files
        configure,  // master → worker: apply the attached configuration file; text: its number
        configured, // worker → master: the file with that number is applied
        refused, // worker → master: it cannot be applied, nothing has changed; text: number reason
        ask,     // master → worker: answer the attached question (worker_question.hpp); text: its
                 // number
        answered, // worker → master: it is answered; text: its number
    };

    kind what = kind::hello;
    std::string text;
};

constexpr std::size_t worker_message_bytes_max = 4096;

// The master trusts no worker: a broken or hostile one costs itself and nothing else. Limits of the
// texts as decode_worker_message() returns them.
constexpr std::size_t worker_reason_bytes_max = 1024; // of FATAL, KEPT and REFUSED
constexpr std::size_t worker_build_bytes_max = 128;   // of HELLO

/// A worker that sends more messages within a second is replaced.
constexpr int worker_messages_per_s_max = 1000;

/// EXTEND delays the end of the start to at most this multiple of the start timeout.
constexpr int start_extension_max = 10;

/// The text of DRAIN and STOP when the whole pool stops: no other worker will accept the
/// connections that wait in the queues of its sockets, so the worker accepts them before it closes
/// the sockets.
constexpr std::string_view last_of_pool = "last";

/// A handover succeeds or fails within this time; the old worker does not serve during it.
constexpr milliseconds handover_limit{5000};

/// The text of CONFIGURED and REFUSED: the number of the file and, in REFUSED, the reason.
struct configure_answer {
    std::uint64_t number = 0;
    std::string reason;
};

/// The number is 0, which no file has, when the text does not begin with one.
[[nodiscard]] configure_answer read_configure_answer(std::string_view text);

/// A worker outlives its master by at most this time, even when its event loop hangs.
constexpr std::chrono::seconds orphan_limit{10};

/// At most worker_message_bytes_max bytes; a longer text is truncated.
[[nodiscard]] std::string encode(const worker_message& message);
/// The texts are printable (base/printable.hpp) and cut to their limits. errc::too_large;
/// errc::malformed: an unknown word.
[[nodiscard]] result<worker_message> decode_worker_message(std::string_view datagram);

} // namespace msd::core
