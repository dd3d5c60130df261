// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/mysql/connection.hpp"
#include "store/mysql/server_address.hpp"

namespace msd::store::mysql {

// For commands, which use one connection: finds the server that accepts writes.
struct writable_server {
    server_address at;
    connection opened;
};

/// Queries the servers in their order. `call_timeout_least` raises the call timeout for statements
/// that take long. errc::invalid: access is denied; errc::unavailable: no server accepts writes, or
/// the only one is down.
[[nodiscard]] result<writable_server>
open_writable(const server_settings& of, milliseconds call_timeout_least = milliseconds{0});

} // namespace msd::store::mysql
