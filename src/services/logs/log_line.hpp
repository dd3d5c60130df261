// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The lines that the logs service stores: who sent a line, and its text in the file.
namespace msd::services {

enum class log_source : std::uint8_t {
    client, // an HTTP client, through a gateway
    node,   // any other connection
    msd,    // a node of msd, see sender::is_trusted
};
inline constexpr std::size_t log_sources = 3;

/// "client", "node", "msd".
[[nodiscard]] std::string_view name_of(log_source source);

/// What arrives on the connection of a gateway is from clients, whatever it contains.
[[nodiscard]] log_source source_of(const sender& from);

/// The address that is written and has a quota: of the client when the gateway added it, else of
/// the peer.
[[nodiscard]] const std::string& address_of(const sender& from);

/// Appends one line with its line feed, an object with time, source, address, the name of a node,
/// and `params`, one valid JSON value. Secrets are masked; characters that control a terminal or
/// end a line are escaped. Of params with more than `bytes_max` bytes the line has the beginning,
/// as a string, and their length in `cut_from`.
void append_log_line(
    std::string& out,
    const sender& from,
    std::string_view params,
    std::size_t bytes_max
);

/// Appends a line that takes the place of dropped lines: `dropped` with `lines`, `bytes`, and the
/// address that most of them came from.
void append_dropped_line(
    std::string& out,
    log_source source,
    std::uint64_t lines,
    std::uint64_t bytes,
    std::string_view most_from
);

} // namespace msd::services
