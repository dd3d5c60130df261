// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/restart_policy.hpp"
#include "process/worker_process.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The state that a master passes to the program that replaces it in the same process: everything
// the master knows, and the numbers of the descriptors that stay open over the exec. It is text
// (JSON), so that it is readable in a core dump and independent of the memory layout of a version.
// It holds plain values; the reader takes ownership of the descriptors, see process/takeover.hpp.
// The steady clock and the pids are the same after the exec.
namespace msd::process {

struct plan_state {
    int program = -1;
    std::vector<std::string> command_line;
    std::map<std::string, std::uint16_t> ports;
    std::uint64_t generation = 1;
    int config = -1; // plans may share one; -1: none

    bool operator==(const plan_state&) const = default;
};

struct worker_state {
    pid_t pid = -1;
    int control = -1; // -1: the worker closed its end
    std::size_t slot = 0;
    std::size_t plan = 0; // index into master_state::plans
    std::size_t line = 0; // of the scoreboard
    worker_process::phase now_is = worker_process::phase::starting;
    time_point started{};
    time_point ready_at{};
    time_point act_at{};
    std::string build;
    std::string end_reason;
    bool handed_over = false;
    bool terminated = false;

    bool operator==(const worker_state&) const = default;
};

struct slot_state {
    std::size_t plan = 0;
    int restarts = 0;
    bool was_ready = false;
    std::string last_exit;
    std::string candidate_end;
    std::optional<time_point> start_at;

    bool operator==(const slot_state&) const = default;
};

struct pool_state {
    std::string name;
    std::string host;
    std::uint16_t port = 0;
    std::vector<int> listeners;
    bool announced = false;
    std::vector<slot_state> slots;
    core::restart_policy::memory policy; // of as many slots
    std::vector<worker_state> workers;

    bool operator==(const pool_state&) const = default;
};

// The result of a roll or an upgrade.
struct operation_result {
    std::uint64_t id = 0; // 0: there was none yet
    bool succeeded = true;
    std::string reason;
    std::size_t slots = 0; // of a roll

    bool operator==(const operation_result&) const = default;
};

struct slot_name {
    std::string pool;
    std::size_t slot = 0;

    bool operator==(const slot_name&) const = default;
};

struct waiting_roll_state {
    std::uint64_t id = 0;
    int what = 0; // roll_request::kind
    milliseconds soak{};
    std::vector<std::string> pools;
    std::vector<slot_name> slots;

    bool operator==(const waiting_roll_state&) const = default;
};

// No roll is under way when a master is replaced: a roll is finished first.
struct rolls_state {
    std::uint64_t last_id = 0;
    operation_result last;
    operation_result before_last;
    std::optional<waiting_roll_state> waiting;

    bool operator==(const rolls_state&) const = default;
};

struct board_state {
    int memory = -1;
    std::uint32_t layout = 0; // core::scoreboard::layout

    bool operator==(const board_state&) const = default;
};

// A file that identifies the instance: its descriptor and its path.
struct named_descriptor {
    int descriptor = -1;
    std::string path;

    bool operator==(const named_descriptor&) const = default;
};

// A client of the control socket.
struct client_state {
    int socket = -1;
    time_point until{};
    std::string received; // bytes
    std::string unsent;   // bytes

    bool operator==(const client_state&) const = default;
};

struct control_state {
    named_descriptor listener;
    std::vector<client_state> clients;

    bool operator==(const control_state&) const = default;
};

struct master_state {
    // Counts when the meaning of a field changes, or one is added that cannot be left out.
    static constexpr int format = 1;

    std::string version; // of the program that wrote it
    pid_t pid = -1;
    std::vector<std::string> command_line;
    std::string program; // where the next version is looked for
    time_point started{};
    time_point looked_at{};
    time_point awake_since{};
    bool announced = false;
    int config = -1; // the configuration as it was read last
    named_descriptor pid_file;
    control_state control;
    board_state board;
    std::vector<plan_state> plans;
    std::size_t plan = 0; // what new slots start from
    std::uint64_t last_generation = 1;
    rolls_state rolls;
    std::uint64_t upgrade = 0; // the one that this state is written for
    std::vector<pool_state> pools;

    bool operator==(const master_state&) const = default;

    /// All descriptors that stay open, each once.
    [[nodiscard]] std::vector<int> descriptors() const;
};

constexpr std::size_t state_bytes_max = std::size_t{64} << 20U;

[[nodiscard]] std::string encode(master_state state);

/// Every field has to be present, in range and consistent with the others. Unknown fields are
/// refused, because they may name descriptors. errc::invalid or errc::malformed, with the field.
[[nodiscard]] result<master_state> decode_master_state(std::string_view text);

} // namespace msd::process
