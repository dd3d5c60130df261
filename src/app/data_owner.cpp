// SPDX-License-Identifier: Apache-2.0
#include "app/data_owner.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace msd::app {

namespace {

constexpr mode_t data_mode = 0700;

} // namespace

result<std::optional<process::identity>> owner_of_data(
    const std::vector<std::filesystem::path>& directories,
    const configuration& configured
) {
    if (geteuid() != 0) {
        return std::nullopt;
    }
    // By name: if the directory is exchanged meanwhile, the new user fails to open it or owns it.
    std::optional<process::identity> owner;
    const std::filesystem::path* first = nullptr;
    for (const std::filesystem::path& each : directories) {
        struct stat facts {};
        if (::stat(each.c_str(), &facts) != 0) {
            continue;
        }
        if (first != nullptr && owner->user != facts.st_uid) {
            return fail(
                errc::denied,
                fmt::format(
                    "{} belongs to user {} and {} to user {}, so no user may open both: export the "
                    "rows of one to a directory, and use that directory instead",
                    first->native(),
                    owner->user,
                    each.native(),
                    facts.st_uid
                )
            );
        }
        first = &each;
        owner = process::identity_of(facts.st_uid, facts.st_gid);
    }
    if (first == nullptr) {
        return process::find_identity(configured.user, configured.group);
    }
    return owner->user == 0 ? std::nullopt : std::move(owner);
}

result<void> become_owner_of_data(
    const std::vector<std::filesystem::path>& directories,
    const process::identity& owner,
    bool creates
) {
    for (const std::filesystem::path& each : directories) {
        struct stat facts {};
        if (creates && ::stat(each.c_str(), &facts) != 0) {
            process::give_directory(each, data_mode, process::given::when_private, owner);
        }
    }
    if (auto changed = process::become(owner); !changed) {
        return changed;
    }
    process::forbid_new_privileges();
    return {};
}

result<void> become_owner_of_store(const configuration& configured, bool creates) {
    if (!configured.service.store.url.empty()) {
        return {};
    }
    const std::vector<std::filesystem::path> directories{configured.data_dir};
    const auto owner = owner_of_data(directories, configured);
    if (!owner) {
        return tl::unexpected{owner.error()};
    }
    return *owner ? become_owner_of_data(directories, **owner, creates) : result<void>{};
}

} // namespace msd::app
