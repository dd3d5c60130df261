// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/worker_message.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// One worker as its master sees it: the process, its control channel, how far it got. Which slot it
// fills and what happens after its death is the pool's affair; while a slot is handed from an old
// worker to a new one there are two with the same slot number.
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
    std::uint64_t generation = 1;
    phase now_is = phase::starting;
    time_point started{};
    time_point act_at = time_point::max(); // when patience with the present phase ends
    std::string last_words;                // what it said with FATAL
    std::string stats;                     // the last answer to STATS: a JSON object
    bool terminated = false;               // TERM was sent; KILL is next

    [[nodiscard]] bool is_leaving() const {
        return now_is == phase::draining || now_is == phase::stopping;
    }
};

[[nodiscard]] std::string_view text_of(worker_process::phase phase);

/// Never waits. False when the channel is full or gone: the worker hangs or is about to die.
bool tell(const worker_process& worker, core::worker_message::kind what);

/// What the worker said since; at most 64 messages, bad ones are logged and left out. Closes our
/// end when the worker closed its own.
[[nodiscard]] std::vector<core::worker_message> hear(worker_process& worker);

/// "exit code 1", "signal 11 (Segmentation fault)", from a status of waitpid().
[[nodiscard]] std::string exit_text(int wait_status);

/// Bytes of memory that only this process uses (smaps_rollup); 0 when it cannot be read.
[[nodiscard]] std::uint64_t private_memory_bytes(pid_t pid);

} // namespace msd::process
