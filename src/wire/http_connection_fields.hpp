// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_fields.hpp"

#include <cstdint>
#include <optional>
#include <string>

// The fields of a head that are for one connection only (RFC 9110, 7.6.1).
namespace msd::wire {

// What the Connection fields of a message name.
struct connection_options {
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
};

/// Reads Connection, and removes the fields that it names. Those that frame, describe or direct the
/// message stay: naming them changes nothing. Fields that is_hop_by_hop() stay until
/// remove_connection_fields().
[[nodiscard]] connection_options read_connection(http_fields& fields);

/// All values of Upgrade as one list.
[[nodiscard]] std::string upgrade_of(const http_fields& fields);

/// The parameter `timeout` of Keep-Alive (RFC 2068, 19.7.1), which programs still send. Nothing
/// when it is missing or no number.
[[nodiscard]] std::optional<std::uint32_t> announced_idle_s(const http_fields& fields);

/// Removes the fields that is_hop_by_hop(), and Content-Length: what is left can be handed on.
void remove_connection_fields(http_fields& fields);

} // namespace msd::wire
