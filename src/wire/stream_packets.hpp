// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "wire/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The packets of a reply that is a stream (docs/protocol.md, 4). The reply to the request opens it;
// further packets with the same key carry its parts, and the last one has `end`. The caller limits
// what is sent ahead of it: the service may send parts that cost stream_credit_bytes together, and
// more when the caller grants it. Both sides count with stream_part::cost().
namespace msd::wire {

inline constexpr std::size_t stream_credit_bytes = std::size_t{64} << 10;
/// The most that one part may cost. Half of the credit: with the other half the caller has room to
/// collect what it grants.
inline constexpr std::size_t stream_part_cost_max = stream_credit_bytes / 2;
/// What a part costs besides its text, so that many short parts are limited, too.
inline constexpr std::size_t stream_part_overhead = 64;

// One part of a stream: a piece of the body, or one event of a reply with the media type
// text/event-stream.
struct stream_part {
    std::string text;
    std::string event; // the name of an event; empty: none
    std::string id;    // the id of an event; empty: none

    [[nodiscard]] std::size_t cost() const {
        return text.size() + event.size() + id.size() + stream_part_overhead;
    }
};

/// `key` is the raw token of the request.
void append_part(std::string& out, std::string_view key, const stream_part& part);

/// The end of a stream. With an errorcode other than 0 the stream is incomplete: the client must
/// see that, and errormessage is for the log.
void append_stream_end(
    std::string& out,
    std::string_view key,
    int errorcode = 0,
    std::string_view errormessage = {}
);

// A packet of an open stream as received.
struct stream_packet {
    stream_part part;
    bool has_part = false;
    bool ends = false;
    std::string failure; // why the stream is incomplete; only with `ends`; empty: it is complete
};

/// errc::malformed without any of `chunk` and `end`, or when one of the members has another type;
/// errc::too_large for a part that costs more than stream_part_cost_max.
[[nodiscard]] result<stream_packet> read_stream_packet(const packet& received);

/// Allows the sender of the stream `key` to send parts that cost `bytes` more.
void append_credit(std::string& out, std::uint64_t key, std::size_t bytes);

struct credit {
    std::string_view key; // raw token
    std::size_t bytes = 0;
};

/// Reads a packet of kind `credit`; errc::malformed without 1 to stream_credit_bytes in `bytes`.
[[nodiscard]] result<credit> read_credit(const packet& received);

} // namespace msd::wire
