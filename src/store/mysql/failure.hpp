// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>

// What a MySQL error number means for whoever made the call: the policies of the store, as a table.
namespace msd::store::mysql {

enum class failure_kind : std::uint8_t {
    conflict,    // a key exists already; the transaction goes on
    again,       // the transaction is to be made again: deadlock, lock wait, node not ready
    lost,        // this connection is of no more use; the server may be well
    full,        // no connection is left at the server
    unreachable, // no connection to the server can be made
    denied,      // the server is there and does not let us in, or not at this
    read_only,   // the server takes no writes at present
    no_space,    // its disk is full
    too_slow,    // the server gave the statement up
    unfit,       // a value is too long for its column, or not in the column's character set
    internal,    // the statement is wrong: our fault
};

// A node of a cluster that is not one of its majority, or joining.
inline constexpr int not_ready_code = 1047;

struct failure {
    failure_kind kind = failure_kind::internal;
    int code = 0; // MySQL's error number; 0: found by msd or the driver itself
};

[[nodiscard]] failure_kind kind_of(int code);

/// What goes to the log: kind and number. Never the server's own text, which holds statements,
/// values, addresses and names of users.
[[nodiscard]] error error_of(failure what);

} // namespace msd::store::mysql
