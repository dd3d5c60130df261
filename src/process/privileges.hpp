// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

// A master that was started as root binds its ports, makes its directories, and then switches to
// another user for good; its workers are never root. A process that is not root gives up nothing.
namespace msd::process {

// The user and group to switch to.
struct identity {
    uid_t user = 0;
    gid_t group = 0;
    std::string name;      // as it was configured, for messages
    std::string user_name; // empty: the number belongs to no user, so there are no other groups
};

/// The user and group of these names or numbers; an empty group is the user's own. Nothing when
/// there is no change: no user is named, this process has that user already, or the user is root.
/// errc::invalid: no such user or group, a group without a user, or another user is named and this
/// process is not root.
[[nodiscard]] result<std::optional<identity>>
find_identity(const std::string& user, const std::string& group);

/// Changes the owner of a directory and its contents to `to`, as far as root owns them and no other
/// user can have put them there: directories, and regular files with one name. Symbolic links are
/// not followed, and at most `depth_max` levels are visited. Errors of single files are ignored
/// here; opening such a file reports them.
void give_tree(const std::filesystem::path& directory, const identity& to);

/// Creates the file (0600) with the owner `to`, or changes its owner, when its directory belongs to
/// root. Otherwise does nothing: the user `to` creates the file, or has no permission to.
void give_file(const std::filesystem::path& file, const identity& to);

/// Switches user, group and supplementary groups to `to` for good, and verifies it. After an error
/// the process must end.
[[nodiscard]] result<void> become(const identity& to);

/// No program that this process starts can gain privileges, for example by a setuid bit.
void forbid_new_privileges();

} // namespace msd::process
