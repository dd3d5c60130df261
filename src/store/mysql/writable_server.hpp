// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/mysql/connection.hpp"
#include "store/mysql/server_address.hpp"

namespace msd::store::mysql {

// For commands, which use one connection and end: the server of several that has all data and takes
// writes.
struct writable_server {
    server_address at;
    connection opened;
};

/// Asks the servers in their order. `call_timeout_least` is for statements that take long.
/// errc::invalid: access is denied; errc::unavailable: none takes writes, or the only one is down.
[[nodiscard]] result<writable_server>
open_writable(const server_settings& of, milliseconds call_timeout_least = milliseconds{0});

} // namespace msd::store::mysql
