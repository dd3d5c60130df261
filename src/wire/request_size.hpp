// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

// The size of a request packet as the limit packets.request_bytes_max counts it. A body of an HTTP
// request becomes longer in a packet: each ¶ is escaped there, and the values of forms are quoted.
// Therefore an escape counts as one byte, and the limit holds for the params: what stands around
// them has an allowance of its own. So a service takes any body that its gateway takes.
namespace msd::wire {

/// For what a request has besides its body: names of fields, uri, keys, query parameters.
inline constexpr std::size_t request_envelope_bytes = std::size_t{64} << 10;

/// The bytes of JSON text, each escape in its strings counted as one. Also of a part of a text.
[[nodiscard]] std::size_t counted_bytes(std::string_view json);

/// The longest frame that can be within a limit: an escape has at most six bytes.
[[nodiscard]] constexpr std::size_t request_frame_bytes_max(std::size_t limit) {
    return 6 * limit + request_envelope_bytes;
}

// Checks the request packets of one connection against the limit.
class request_size_check {
public:
    explicit request_size_check(std::size_t request_bytes_max)
        : bytes_max_{request_bytes_max + request_envelope_bytes} {}

    /// Whether a complete frame is too large.
    [[nodiscard]] bool is_too_large(std::string_view frame) const;

    /// Whether a frame is too large already that is not complete, so that a frame without an end is
    /// refused early. Counts each time that the frame has grown by a quarter: the work stays
    /// proportional to its length.
    [[nodiscard]] bool is_growing_too_large(std::string_view unfinished);

private:
    std::size_t bytes_max_;
    std::size_t counted_at_ = 0; // length of the unfinished frame when it was last counted
};

} // namespace msd::wire
