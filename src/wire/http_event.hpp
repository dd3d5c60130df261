// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// What the parsers of requests and of replies have in common.
namespace msd::wire {

enum class http_event : std::uint8_t {
    more,     // all bytes consumed, the message goes on
    interim,  // replies only: the head of an informational reply (1xx) is complete
    head,     // the head is complete; the body follows, if any
    body,     // body_piece() holds the next bytes of the body
    complete, // the message ended
    failed,   // the stream cannot be resumed
};

struct http_outcome {
    http_event what = http_event::more;
    std::size_t consumed = 0; // of the bytes given; feed the rest again
};

struct http_limits {
    /// Start line and header fields: 431; 414 when the target alone exceeds it, 501 when the method
    /// does.
    std::size_t head_bytes_max = 16UL * 1024;
    std::size_t headers_max = 100; // 431; of trailers, too
};

} // namespace msd::wire
