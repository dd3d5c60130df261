// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The packets that msd nodes exchange besides requests and replies (docs/protocol.md, 4): hello of
// a caller, the reply to it, cancel, goaway and changed. Each writing function appends one frame.
namespace msd::wire {

/// A caller's first packet on a connection. A caller that caches replies asks for changes.
struct caller_hello {
    std::string_view name;
    int worker = 0; // its slot
    bool receives_changes = false;
    bool takes_streams = false; // a reply may be a stream
};
void append_hello(std::string& out, const caller_hello& self);

/// The most workers that a node may report in its hello; callers connect to each of them.
inline constexpr int hello_workers_max = 4096;

/// The reply to a hello: slot and generation of the worker, and the number of workers of the node.
struct hello_reply {
    int slot = 0;
    int workers = 1;
    std::uint64_t generation = 1;
};
void append_hello_reply(std::string& out, const hello_reply& self);

/// Reads the value of `hello` in such a reply. Without `slot` it is -1, without `workers` 1.
/// errc::malformed: not an object, or one of the two is not an integer in its range.
[[nodiscard]] result<hello_reply> read_hello_reply(const json::value& hello);

/// The caller no longer waits for the reply to request `key`.
void append_cancel(std::string& out, std::uint64_t key);

/// The sender accepts no requests after the one with `last_key`, and answers those up to it.
void append_goaway(std::string& out, std::uint64_t last_key);

// Tells the callers that asked for changes that their cached entries for these ids are stale.
struct change {
    std::string what; // kind of thing: "goods"
    std::vector<std::int64_t> ids;
    bool untold = false; // the shared cache (Redis) may still hold the old value
};
inline constexpr std::size_t changed_ids_max = 1024;

void append_changed(std::string& out, const change& made);

/// Reads the value of `changed` in such a packet. errc::malformed: not a name with integers;
/// errc::too_large: more than changed_ids_max of them.
[[nodiscard]] result<change> read_changed(const json::value& changed);

} // namespace msd::wire
