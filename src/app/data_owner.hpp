// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "base/result.hpp"
#include "process/privileges.hpp"

#include <filesystem>
#include <optional>
#include <vector>

// Commands that open a data directory do so as its owner, also when root starts them: the files of
// the directory decide what SQLite opens and deletes, and their owner is not to decide that for
// root.
namespace msd::app {

/// The user to switch to before the first of these data directories is opened: nothing when this
/// process is not root or root owns them. When none of them exists, the configured user.
/// errc::denied: they belong to different users. errc::invalid: there is no such user.
[[nodiscard]] result<std::optional<process::identity>> owner_of_data(
    const std::vector<std::filesystem::path>& directories,
    const configuration& configured
);

/// Switches to that user for good. What only root can read (passwords, export files) has to be open
/// by then. `creates`: a missing data directory is created and given to the user first.
/// errc::denied; the process must exit then.
[[nodiscard]] result<void> become_owner_of_data(
    const std::vector<std::filesystem::path>& directories,
    const process::identity& owner,
    bool creates
);

/// Both for one directory, if the configured store is SQLite.
[[nodiscard]] result<void> become_owner_of_store(const configuration& configured, bool creates);

} // namespace msd::app
