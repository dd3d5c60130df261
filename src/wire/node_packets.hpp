// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The small packets msd nodes exchange besides requests and replies (protocol.md, 4): who calls,
// who answers, that nobody waits any more, that no more is taken. Each function appends one frame.
namespace msd::wire {

/// A caller's first packet on a connection; `worker` is its slot.
void append_hello(std::string& out, std::string_view name, int worker);

/// What a worker answers to a hello: which of how many it is, and of which generation.
struct hello_reply {
    int slot = 0;
    int workers = 1;
    std::uint64_t generation = 1;
};
void append_hello_reply(std::string& out, const hello_reply& self);

/// Nobody waits for the reply to request `key` any more.
void append_cancel(std::string& out, std::uint64_t key);

/// The sender takes no requests after the one with `last_key`, and answers those before.
void append_goaway(std::string& out, std::uint64_t last_key);

} // namespace msd::wire
