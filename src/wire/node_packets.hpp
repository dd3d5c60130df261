// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The small packets msd nodes exchange besides requests and replies (docs/protocol.md, 4): who
// calls, who answers, that nobody waits any more, that no more is taken, what is no longer as it
// was. Each writing function appends one frame.
namespace msd::wire {

/// A caller's first packet on a connection. Who keeps answers asks to hear of changes.
struct caller_hello {
    std::string_view name;
    int worker = 0; // its slot
    bool hears_changes = false;
};
void append_hello(std::string& out, const caller_hello& self);

/// What a worker answers to a hello: which of how many it is, and of which generation.
struct hello_reply {
    int slot = 0;
    int workers = 1;
    std::uint64_t generation = 1;
};
void append_hello_reply(std::string& out, const hello_reply& self);

/// What stands under `hello` in such an answer; slot -1: not said. errc::malformed.
[[nodiscard]] result<hello_reply> read_hello_reply(const json::value& hello);

/// Nobody waits for the reply to request `key` any more.
void append_cancel(std::string& out, std::uint64_t key);

/// The sender takes no requests after the one with `last_key`, and answers those before.
void append_goaway(std::string& out, std::uint64_t last_key);

// A service's word to callers that asked for it: what they keep of these is out of date.
struct change {
    std::string what; // kind of thing: "goods"
    std::vector<std::int64_t> ids;
    bool untold = false; // a cache that all share may not know it yet
};
inline constexpr std::size_t changed_ids_max = 1024;

void append_changed(std::string& out, const change& made);

/// What stands under `changed` in a packet of that kind. errc::malformed: not a name with integers;
/// errc::too_large: more than changed_ids_max of them.
[[nodiscard]] result<change> read_changed(const json::value& changed);

} // namespace msd::wire
