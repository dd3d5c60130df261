// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>

// The kinds of failures, which decide how the store reacts, and the table that assigns a kind to
// every MySQL error number.
namespace msd::store::mysql {

enum class failure_kind : std::uint8_t {
    conflict,    // a key exists already; the transaction can continue
    again,       // the transaction must be repeated: deadlock, lock wait, node not ready
    lost,        // the connection cannot be used any more; the server may work
    full,        // the server has no free connection
    unreachable, // no connection to the server can be opened
    denied,      // the server denies access, or the user lacks a privilege
    read_only,   // the server accepts no writes at present
    no_space,    // the server's disk is full
    too_slow,    // the server aborted the statement
    unfit,       // a value is too long for its column, or not in the column's character set
    internal,    // the statement is wrong: an error in msd
};

// The node is not part of the cluster's majority, or is still joining.
inline constexpr int not_ready_code = 1047;

struct failure {
    failure_kind kind = failure_kind::internal;
    int code = 0; // MySQL's error number; 0: detected by msd or the driver
};

[[nodiscard]] failure_kind kind_of(int code);

/// An error with a text for the log: kind and number. Never the server's text, which contains
/// statements, values, addresses and user names.
[[nodiscard]] error error_of(failure what);

} // namespace msd::store::mysql
