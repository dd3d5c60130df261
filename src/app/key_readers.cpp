// SPDX-License-Identifier: Apache-2.0
#include "app/key_readers.hpp"

#include "app/command_line.hpp"
#include "app/role_table.hpp"

#include <string_view>

namespace msd::app {

namespace {

key_readers readers_in(verb what) {
    switch (what) {
    case verb::up:
        return readers::master | readers::workers;
    case verb::distributor:
        return readers::master | readers::distributor;
    case verb::gateway:
        return readers::master | readers::gateway | readers::registry_clients;
    case verb::service:
        return readers::master | readers::services | readers::registry_clients;
    case verb::nodes:
    case verb::routes:
    case verb::call:
        return readers::registry_clients;
    case verb::status:
    case verb::control:
    case verb::fault:
    case verb::explain:
    case verb::top:
        return readers::instance_commands;
    case verb::migrate:
    case verb::export_rows:
    case verb::import_rows:
    case verb::compare_rows:
    case verb::events:
        return readers::store_commands;
    case verb::check:
    case verb::secret_new:
    case verb::version:
        return 0; // check reads a whole file, the others read nothing
    }
    return 0;
}

constexpr std::string_view admin_role = "admin"; // every instance can have one

// A key of one role has no effect on a command that runs another role.
bool runs(const command_line& command, std::string_view role) {
    switch (command.what) {
    case verb::up:
        return true;
    case verb::distributor:
        return role == "distributor" || role == admin_role;
    case verb::gateway:
        return role == "gateway" || role == admin_role;
    case verb::service:
        return role == command.service || role == admin_role;
    default:
        return false;
    }
}

key_readers workers_of(role_kind kind) {
    switch (kind) {
    case role_kind::distributor:
        return readers::distributor;
    case role_kind::gateway:
        return readers::gateway;
    case role_kind::service:
        return readers::services;
    case role_kind::admin:
        return readers::admin;
    }
    return 0;
}

} // namespace

bool is_read_by(const command_line& command, const config::description& key) {
    return (key.readers & readers_in(command.what)) != 0 &&
           (key.role.empty() || runs(command, key.role));
}

bool is_read_by_workers(
    const command_line& command,
    const role_facts& role,
    const config::description& key
) {
    const bool is_alone = command.what != verb::up;
    const bool is_client = is_alone && !role.is_single();
    const key_readers own =
        workers_of(role.kind) | (is_client ? readers::registry_clients : key_readers{0});
    return (key.readers & own) != 0 && (key.role.empty() || key.role == role.name);
}

} // namespace msd::app
