// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <cstdint>
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

/// The user with this number, with the group and the further groups of the user database; a user
/// that is not in it gets `group`.
[[nodiscard]] identity identity_of(uid_t user, gid_t group);

// Which existing directories get another owner.
enum class given : std::uint8_t { when_private, always };

/// Creates the directory if it does not exist, and changes the owner of the directory and its
/// contents to `to`, as far as root owns them and no other user can have put them there:
/// directories, and regular files with one name. An existing directory that other users may enter
/// is given `always` only. Does nothing when another user than root can change a part of the path
/// (base/owned_files.hpp): that user could choose which directory is given. Symbolic links below
/// the directory are not followed, and at most `depth_max` levels are visited. Errors are ignored
/// here; opening such a file reports them.
void give_directory(
    const std::filesystem::path& directory,
    mode_t mode,
    given when,
    const identity& to
);

/// Creates the file (0600) with the owner `to`, or changes its owner, when only root can have
/// chosen its directory, as above. Otherwise does nothing: the user `to` creates the file, or has
/// no permission to.
void give_file(const std::filesystem::path& file, const identity& to);

/// Switches user, group and supplementary groups to `to` for good, and verifies it. After an error
/// the process must end.
[[nodiscard]] result<void> become(const identity& to);

/// No program that this process starts can gain privileges, for example by a setuid bit.
void forbid_new_privileges();

} // namespace msd::process
