// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"

#include <cstddef>
#include <string_view>

// The size of a request packet as the limit packets.request_bytes_max counts it. A body of an HTTP
// request becomes longer in a packet: each ¶ is escaped there, and the values of forms are quoted.
// Therefore an escape counts as one byte, and the limit applies to the params: the rest of the
// packet has a separate allowance. So a service accepts every body that its gateway accepts.
namespace msd::wire {

/// For what a request has besides its body: names of fields, uri, keys, query parameters.
inline constexpr std::size_t request_envelope_bytes = std::size_t{64} << 10;

// Reading JSON takes time for each value, however short it is. So the values are counted, too; the
// numbers are far above those of any request that fits into its bytes with names and text.
/// A JSON body of an HTTP request. Levels: the params are inside of a packet.
inline constexpr json::limits body_bounds{json::depth_max - 1, 4096, std::size_t{64} << 10};
/// A request packet: in addition to a body, the parameters of a query and the rest of the packet.
inline constexpr json::limits request_bounds{json::depth_max, 8192, std::size_t{72} << 10};
/// A list of nodes, of the largest size. A reply has the bounds of json::limits.
inline constexpr json::limits list_bounds{json::depth_max, json::members_max, 2 * json::values_max};

/// The number of bytes of JSON text, or of a part of it; each escape in a string counts as one.
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

    /// Whether an incomplete frame is too large already, so that a frame without an end is refused
    /// early. Counts whenever the frame has grown by a quarter, so that the work is proportional to
    /// its length.
    [[nodiscard]] bool is_growing_too_large(std::string_view unfinished);

private:
    std::size_t bytes_max_;
    std::size_t counted_at_ = 0; // length of the unfinished frame when it was last counted
};

} // namespace msd::wire
