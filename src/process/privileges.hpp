// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

// A master that was started as root binds its ports, makes its directories, and then is somebody
// else for good; its workers never were root. A process that is not root has nothing to give up.
namespace msd::process {

// Whom to become.
struct identity {
    uid_t user = 0;
    gid_t group = 0;
    std::string name;      // as it was configured, for messages
    std::string user_name; // empty: a number that no user has; no other groups then
};

/// The user and group of these names or numbers; an empty group is the user's own. Nothing when
/// there is nobody to become: no user is named, or this process is that user already, or the name
/// is root's. errc::invalid: no such user or group, a group without a user, or somebody else is
/// named and this process is not root.
[[nodiscard]] result<std::optional<identity>>
find_identity(const std::string& user, const std::string& group);

/// Gives a directory and what is in it to `to`, as far as it is root's and nobody else could have
/// put it there: directories, and regular files with one name. Symbolic links are not followed, and
/// at most `depth_max` levels are looked at. Errors of single files are left for whoever opens
/// them.
void give_tree(const std::filesystem::path& directory, const identity& to);

/// Makes the file (0600) for `to`, or gives it to `to`, when it stands in a directory of root's;
/// otherwise it does nothing: `to` makes the file itself, or may not.
void give_file(const std::filesystem::path& file, const identity& to);

/// Becomes `to`, in all of user, group and further groups, for good, and makes sure of it. After an
/// error the process must end.
[[nodiscard]] result<void> become(const identity& to);

/// No program that is started from here on can gain privileges, whatever its file says.
void forbid_new_privileges();

} // namespace msd::process
