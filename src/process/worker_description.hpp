// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// What a worker gets from the master that executes it. It is the text of one environment variable,
// because it has to survive exec, and can be read in /proc/PID/environ. The worker also gets the
// command line unchanged, so configured values are not repeated here.
namespace msd::process {

inline constexpr const char* worker_variable = "MSD_WORKER";

struct worker_description {
    std::string pool; // "gateway", "distributor", "goods", …
    int slot = 0;
    int workers = 1; // of the pool
    std::uint64_t generation = 1;
    pid_t master = 0;
    int control = -1;                           // SOCK_SEQPACKET, see core/worker_message.hpp
    int board = -1;                             // core::scoreboard's memory, -1: none …
    std::size_t line = 0;                       // … and this worker's line in it
    int handover = -1;                          // to the worker whose state it takes; -1: none
    int config = -1;                            // the configuration file as it was; -1: none
    std::vector<int> listeners;                 // bound and listening; at most listeners_max
    std::string host;                           // first bound address as text
    std::uint16_t port = 0;                     // bound port
    std::map<std::string, std::uint16_t> ports; // of every pool of this master, this one included

    /// All descriptors that stay open over the exec.
    [[nodiscard]] std::vector<int> descriptors() const;

    bool operator==(const worker_description&) const = default;
};

inline constexpr std::size_t listeners_max = 16;
inline constexpr int workers_max = 1024; // of one pool

/// `pool=goods slot=0 workers=2 …`; names and addresses hold no white space.
[[nodiscard]] std::string encode(const worker_description& description);

/// errc::invalid names the field that is missing, repeated or out of range. Fields with other names
/// are ignored: an upgraded master may still start workers of the earlier program, and may write
/// fields that it does not know.
[[nodiscard]] result<worker_description> decode_worker_description(std::string_view text);

} // namespace msd::process
