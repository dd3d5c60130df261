// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/worker_message.hpp"
#include "process/board_line.hpp"
#include "process/launch_plan.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// How far a worker is with a configuration file that it applies while it serves (CONFIGURE).
struct configuring_state {
    enum class step : std::uint8_t { none, sent, applied, refused };

    std::uint64_t number = 0; // of the last CONFIGURE; 0: the worker has the file of its plan
    step now_is = step::none;
    time_point sent_at{};
    std::string refusal; // the reason
};

// One worker as its master sees it: the process, its control channel and its phase. The pool
// decides which slot the worker fills and what follows its death. While a slot is rolled, two
// workers have the same slot number.
struct worker_process {
    enum class phase : std::uint8_t {
        starting, // executed, not READY yet
        ready,
        draining, // finishing what it has begun
        stopping, // told to leave at once
    };

    pid_t pid = -1;
    unique_fd control;
    std::size_t slot = 0;
    shared_plan plan; // what it was started from
    board_line line;
    phase now_is = phase::starting;
    bool is_watched = false;   // its control channel is in the master's epoll set
    bool is_candidate = false; // a roll has not accepted it yet
    time_point started{};
    time_point ready_at{};
    time_point act_at = time_point::max(); // the time limit of the present phase
    std::string build;                     // version and build, from HELLO
    std::string end_reason;                // the text of FATAL
    unique_fd handover;                    // of a candidate: the end for the old worker
    bool handed_over = false;              // was told HAND_OVER
    bool terminated = false;               // TERM or ABRT was sent; KILL is next
    int recycle_spread_percent = 0;        // percentage added to the limit of requests
    std::uint64_t bytes_when_ready = 0;    // private memory; 0: not measured
    std::uint64_t messages = 0;            // received, including malformed ones
    std::uint64_t malformed = 0;           // of these; only the first is logged
    std::uint64_t messages_before = 0;     // received before `counted_from`
    time_point counted_from{};             // when the present second of counting began
    configuring_state configuring;

    [[nodiscard]] bool is_ending() const {
        return now_is == phase::draining || now_is == phase::stopping;
    }
};

[[nodiscard]] std::string_view text_of(worker_process::phase phase);

/// Sends a message without blocking. `attached`: a descriptor to send along, or -1. False when the
/// channel is full or closed: the worker hangs or ends.
bool send_message(
    const worker_process& worker,
    const core::worker_message& message,
    int attached = -1
);

/// Receives the worker's messages, at most 64 at once; malformed ones are counted and dropped, and
/// so are descriptors that come with a message. Closes the channel when the worker has closed its
/// end.
[[nodiscard]] std::vector<core::worker_message> receive_messages(worker_process& worker);

/// "exit code 1", "signal 11 (Segmentation fault)", from a status of waitpid().
[[nodiscard]] std::string exit_text(int wait_status);

/// R, S, D, T (stopped), t (traced), Z; 0: no such process.
[[nodiscard]] char process_state(pid_t pid);

} // namespace msd::process
