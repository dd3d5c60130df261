// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_fields.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

// The member `headers` of requests and replies between msd nodes (docs/protocol.md, 4): an object
// with names in lower case, whose values are strings, or arrays of strings for a field that occurs
// several times. Fields that frame a message or belong to one connection are never in it.
namespace msd::wire {

inline constexpr std::size_t packet_headers_max = 64; // fields of one packet
inline constexpr std::size_t packet_header_bytes_max = std::size_t{16} << 10; // of all of them

/// Whether a field with this name may be in a packet: a token in lower case that is not reserved
/// for the connection (Connection, Transfer-Encoding, …) or for the gateway (Date, X-Request-Id).
[[nodiscard]] bool is_packet_header(std::string_view name);

/// Appends the object with those fields of an HTTP request whose names are in `wanted`; appends
/// nothing when it has none of them. The rest after packet_header_bytes_max is left out.
void append_wanted_headers(
    std::string& out,
    const http_fields& of,
    std::span<const std::string> wanted
);

/// Appends the object with all fields; those that may not be in a packet are left out.
void append_headers(std::string& out, const http_fields& fields);

struct packet_headers {
    http_fields fields;
    std::size_t refused = 0; // fields that are malformed, not allowed, or too many
};

/// Reads the value of `headers`; raw JSON. Fields that cannot be used are counted and left out: a
/// value must be text without control characters.
[[nodiscard]] packet_headers read_headers(std::string_view object);

} // namespace msd::wire
