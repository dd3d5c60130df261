// SPDX-License-Identifier: Apache-2.0
#include "app/config_schema.hpp"

#include "app/config_table.hpp"

#include <string>

namespace msd::app {

config_schema::config_schema(std::span<const role_facts> roles)
    : schema{make_config_table(roles)},
      roles_{roles} {}

configuration config_schema::defaults() const {
    configuration made;
    for (const role_facts& role : roles_) {
        made.roles[std::string{role.name}] = {role.default_port, 0};
    }
    return made;
}

} // namespace msd::app
