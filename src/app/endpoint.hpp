// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// HOST:PORT as people write it.
namespace msd::app {

struct host_and_port {
    std::string host;
    std::uint16_t port = 0;
};

enum class endpoint_port : std::uint8_t { required, optional };

/// "db.local:9000", "[::1]:9000"; with an optional port also "db.local", "[::1]" and "::1". An
/// IPv4-mapped address becomes plain IPv4. The port is 0 when it is optional and missing.
/// errc::invalid; for a URL the message says what to write instead.
[[nodiscard]] result<host_and_port> parse_endpoint(std::string_view text, endpoint_port port);

/// The text that parse_endpoint() reads as `of`; no port is written for port 0.
[[nodiscard]] std::string endpoint_text(const host_and_port& of);

} // namespace msd::app
