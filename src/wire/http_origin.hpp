// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// The origin of a web page: scheme, host and port, as the Origin header has it (RFC 6454, 6.2).
namespace msd::wire {

inline constexpr std::size_t origin_bytes_max = 512;

struct http_origin {
    std::string_view scheme;        // "https"
    std::string_view host;          // with its port, if it has one
    std::uint16_t default_port = 0; // of the scheme; 0: not http or https
};

/// Reads `scheme://host[:port]`. Nothing for `null`, for a list, for a path after the host, and for
/// texts longer than origin_bytes_max.
[[nodiscard]] std::optional<http_origin> read_origin(std::string_view text);

/// Whether two texts name the same origin. Letters compare without case, and the default port of a
/// scheme is the same as no port. `null` equals nothing, because it names no page.
[[nodiscard]] bool is_same_origin(std::string_view one, std::string_view other);

/// Whether the page at `origin` comes from the server that a request with this Host header was sent
/// to. The scheme is not compared, because a proxy may have ended TLS.
[[nodiscard]] bool is_from_host(std::string_view origin, std::string_view host);

} // namespace msd::wire
