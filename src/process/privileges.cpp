// SPDX-License-Identifier: Apache-2.0
#include "process/privileges.hpp"

#include "base/owned_files.hpp"
#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <grp.h>
#include <limits>
#include <memory>
#include <pwd.h>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace msd::process {

namespace {

constexpr int depth_max = 4;
constexpr mode_t parent_mode = 0755;       // of directories above one that is created
constexpr std::size_t names_max = 100'000; // of one directory
constexpr std::size_t entry_bytes_max = std::size_t{1} << 20; // of the user database

std::optional<id_t> number_of(std::string_view text) {
    id_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), text.data() + text.size(), number);
    // The largest one means "leave it" to the kernel.
    const bool usable =
        reason == std::errc{} && stopped == end && number != std::numeric_limits<id_t>::max();
    return usable ? std::optional{number} : std::nullopt;
}

// The result of getpwnam_r() and similar functions, with the memory of its texts.
template <class Entry>
struct found {
    Entry entry{};
    std::vector<char> texts;
    bool exists = false;
};

template <class Entry, class Look>
found<Entry> look_up(Look look) {
    found<Entry> made;
    for (std::size_t bytes = 4096; bytes <= entry_bytes_max; bytes *= 4) {
        made.texts.resize(bytes);
        Entry* result = nullptr;
        if (look(&made.entry, made.texts.data(), bytes, &result) != ERANGE) {
            made.exists = result != nullptr;
            break;
        }
    }
    return made;
}

result<identity> user_named(const std::string& name) {
    const auto number = number_of(name);
    const auto entry =
        look_up<passwd>([&](passwd* out, char* texts, std::size_t bytes, passwd** to) {
            return number ? getpwuid_r(*number, out, texts, bytes, to)
                          : getpwnam_r(name.c_str(), out, texts, bytes, to);
        });
    if (entry.exists) {
        return identity{entry.entry.pw_uid, entry.entry.pw_gid, name, entry.entry.pw_name};
    }
    if (!number) {
        return fail(errc::invalid, fmt::format("user: there is no user '{}'", name));
    }
    return identity{*number, *number, name, {}};
}

result<gid_t> group_named(const std::string& name) {
    const auto number = number_of(name);
    if (number) {
        return *number;
    }
    const auto entry = look_up<group>([&](group* out, char* texts, std::size_t bytes, group** to) {
        return getgrnam_r(name.c_str(), out, texts, bytes, to);
    });
    if (!entry.exists) {
        return fail(errc::invalid, fmt::format("group: there is no group '{}'", name));
    }
    return entry.entry.gr_gid;
}

tl::unexpected<error> cannot_become(const identity& to, std::string_view step) {
    return fail(
        errc::denied,
        fmt::format(
            "cannot become user {}: {}: {}",
            to.name,
            step,
            std::generic_category().message(errno)
        )
    );
}

// Works on the open file, so that another file that gets the name meanwhile is not affected.
void give(int fd, const identity& to) {
    [[maybe_unused]] const int done = fchownat(fd, "", to.user, to.group, AT_EMPTY_PATH);
}

// The owner of a directory can have made a hard link in it to a file of another user. Such a file
// has more than one name.
bool is_given(const struct stat& facts) {
    return facts.st_uid == 0 &&
           (S_ISDIR(facts.st_mode) || (S_ISREG(facts.st_mode) && facts.st_nlink == 1));
}

void give_below(unique_fd directory, dev_t device, const identity& to, int depth) {
    const std::unique_ptr<DIR, int (*)(DIR*)> all{fdopendir(directory.get()), closedir};
    if (!all) {
        return;
    }
    const int at = directory.release(); // closedir() closes it
    for (std::size_t count = 0; count < names_max; ++count) {
        const dirent* const entry = readdir(all.get()); // NOLINT(concurrency-mt-unsafe)
        if (entry == nullptr) {
            break;
        }
        const std::string_view name{entry->d_name};
        if (name == "." || name == "..") {
            continue;
        }
        const unique_fd one{openat(at, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
        struct stat facts {};
        if (!one || fstat(one.get(), &facts) != 0 || facts.st_dev != device || !is_given(facts)) {
            continue;
        }
        give(one.get(), to);
        if (S_ISDIR(facts.st_mode) && depth > 1) {
            unique_fd inner{openat(one.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
            give_below(std::move(inner), device, to, depth - 1);
        }
    }
}

} // namespace

result<std::optional<identity>> find_identity(const std::string& user, const std::string& group) {
    if (user.empty()) {
        return group.empty() ? result<std::optional<identity>>{std::nullopt}
                             : fail(errc::invalid, "group: needs a user, too");
    }
    auto found = user_named(user);
    if (!found) {
        return tl::unexpected{std::move(found.error())};
    }
    if (!group.empty()) {
        const auto named = group_named(group);
        if (!named) {
            return tl::unexpected{named.error()};
        }
        found->group = *named;
    } else if (found->user_name.empty()) {
        return fail(
            errc::invalid,
            fmt::format(
                "user: there is no user with the number {}, so a group is needed, too",
                user
            )
        );
    }
    if (found->user == 0) {
        return std::nullopt;
    }
    if (geteuid() == 0) {
        return std::move(*found);
    }
    if (found->user == geteuid() && found->group == getegid()) {
        return std::nullopt;
    }
    return fail(
        errc::invalid,
        fmt::format(
            "user: only root can switch to another user; this process has user {} and group {}, "
            "not "
            "user {} and group {}",
            geteuid(),
            getegid(),
            found->user,
            found->group
        )
    );
}

identity identity_of(uid_t user, gid_t group) {
    const std::string name = std::to_string(user);
    identity found = user_named(name).value_or(identity{user, group, name, {}});
    if (found.user_name.empty()) {
        found.group = group;
    }
    return found;
}

void give_directory(
    const std::filesystem::path& directory,
    mode_t mode,
    given when,
    const identity& to
) {
    const auto path = directory.has_filename() ? directory : directory.parent_path();
    const std::filesystem::path above = path.has_parent_path() ? path.parent_path() : ".";
    const unique_fd parent = open_directory_of_root(above, parent_mode);
    const std::string name = path.filename();
    if (!parent || name.empty()) {
        return;
    }
    const bool is_new = mkdirat(parent.get(), name.c_str(), mode) == 0;
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    unique_fd fd{openat(parent.get(), name.c_str(), flags)};
    struct stat facts {};
    if (!fd || fstat(fd.get(), &facts) != 0 || facts.st_uid != 0) {
        return;
    }
    const bool is_private = (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    if (is_new || is_private || when == given::always) {
        give(fd.get(), to);
        give_below(std::move(fd), facts.st_dev, to, depth_max);
    }
}

void give_file(const std::filesystem::path& file, const identity& to) {
    const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
    const unique_fd directory = open_directory_of_root(parent);
    struct stat facts {};
    if (!directory || fstat(directory.get(), &facts) != 0) {
        return;
    }
    const std::string name = file.filename();
    const bool only_root_writes = (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    constexpr int create = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    if (const unique_fd made{openat(directory.get(), name.c_str(), create, 0600)}) {
        give(made.get(), to);
        return;
    }
    const unique_fd there{openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (only_root_writes && there && fstat(there.get(), &facts) == 0 && S_ISREG(facts.st_mode) &&
        is_given(facts)) {
        give(there.get(), to);
    }
}

result<void> become(const identity& to) {
    const int grouped =
        to.user_name.empty() ? setgroups(1, &to.group) : initgroups(to.user_name.c_str(), to.group);
    if (grouped != 0) {
        return cannot_become(to, "its groups");
    }
    if (setresgid(to.group, to.group, to.group) != 0) {
        return cannot_become(to, "its group");
    }
    if (setresuid(to.user, to.user, to.user) != 0) {
        return cannot_become(to, "its user");
    }
    std::array<uid_t, 3> users{};
    std::array<gid_t, 3> groups{};
    getresuid(&users[0], &users[1], &users[2]);
    getresgid(&groups[0], &groups[1], &groups[2]);
    const bool is_changed = users == std::array{to.user, to.user, to.user} &&
                            groups == std::array{to.group, to.group, to.group};
    // With a remaining capability an attacker in this process could undo the change.
    if (!is_changed || setuid(0) == 0) {
        errno = EPERM;
        return cannot_become(to, "the process could switch back to root");
    }
    return {};
}

void forbid_new_privileges() {
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
}

} // namespace msd::process
