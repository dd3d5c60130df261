// SPDX-License-Identifier: Apache-2.0
#include "app/giving_up_root.hpp"

#include "app/runtime_files.hpp"
#include "base/log.hpp"
#include "process/limits.hpp"

#include <unistd.h>

namespace msd::app {

result<void> give_up_root(
    const configuration& configured,
    verb command,
    const std::optional<process::identity>& owner
) {
    if (owner) {
        prepare_for_owner(configured, command, *owner);
        if (auto changed = process::become(*owner); !changed) {
            return changed;
        }
    }
    process::forbid_new_privileges();
    process::allow_core_dumps(configured.core_dumps);
    return {};
}

void warn_of_root(const configuration& configured) {
    if (geteuid() == 0 && configured.user.empty()) {
        log::warning(
            "runs as root, and so do its workers: name a user in the configuration or with "
            "--user (--user root suppresses this warning)"
        );
    }
}

bool is_root_by_mistake(const configuration& configured) {
    if (geteuid() != 0 || configured.user.empty()) {
        return false;
    }
    const auto owner = process::find_identity(configured.user, configured.group);
    return !owner || owner->has_value();
}

} // namespace msd::app
