// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/description.hpp"

// Which processes read a configuration key. A command looks only at the environment variables of
// keys that it reads, and a reload replaces only the workers that read a changed key.
namespace msd::app {

/// A set of readers, one bit each.
using key_readers = config::reader_set;

namespace readers {

inline constexpr key_readers master = 1U << 0;      // of `up`, `distributor`, `gateway`, `service`
inline constexpr key_readers distributor = 1U << 1; // the distributor's worker
inline constexpr key_readers gateway = 1U << 2;     // the gateway's workers
inline constexpr key_readers services = 1U << 3;    // the workers of all services
/// Processes that connect to a distributor of another master: those of `gateway` and `service`, and
/// `nodes`, `routes`, `call`. The workers of `up` use the distributor of their own master.
inline constexpr key_readers registry_clients = 1U << 4;
inline constexpr key_readers instance_commands = 1U << 5; // status, ctl
inline constexpr key_readers store_commands = 1U << 6;    // migrate, export, import, compare

inline constexpr key_readers admin = 1U << 7; // the admin worker

inline constexpr key_readers workers = distributor | gateway | services | admin;
inline constexpr key_readers registered = gateway | services; // nodes in the registry's list

} // namespace readers

struct command_line;
struct role_facts;

/// Whether processes of `command` read the key: the command itself, its master or its workers.
[[nodiscard]] bool is_read_by(const command_line& command, const config::description& key);

/// Whether the workers of `role` under the master of `command` read the key.
[[nodiscard]] bool is_read_by_workers(
    const command_line& command,
    const role_facts& role,
    const config::description& key
);

} // namespace msd::app
