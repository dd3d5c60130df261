// SPDX-License-Identifier: Apache-2.0
#include "base/owned_files.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <limits.h>
#include <system_error>
#include <utility>

namespace msd {

namespace {

namespace fs = std::filesystem;

constexpr int links_max = 16;
constexpr std::size_t components_max = 256; // of a path with its links, in open_directory_of_root()
constexpr mode_t parent_mode = 0755;
constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr int name_flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;

tl::unexpected<error> system_failure(const fs::path& shown, int code) {
    return fail(
        code == ENOENT ? errc::not_found : errc::unavailable,
        fmt::format("{}: {}", shown.native(), std::generic_category().message(code))
    );
}

bool is_trusted(uid_t owner) {
    return owner == 0 || owner == geteuid();
}

bool others_can_write(const struct stat& facts) {
    return (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

tl::unexpected<error> foreign(const fs::path& shown, uid_t owner, std::string_view kind) {
    return fail(
        errc::denied,
        fmt::format(
            "{0} belongs to user {1}, but this process has user {2}: run msd as user {1}, give the "
            "{3} to user {2}, or choose another one",
            shown.native(),
            owner,
            geteuid(),
            kind
        )
    );
}

tl::unexpected<error> writable(const fs::path& shown, mode_t mode) {
    return fail(
        errc::denied,
        fmt::format(
            "other users can write to {0} (mode {1:04o}): check its content, then chmod go-w {0}",
            shown.native(),
            mode & 07777U
        )
    );
}

// "data/" means "data".
fs::path without_last_slash(const fs::path& path) {
    return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

fs::path parent_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path{"."};
}

result<std::string> target_of(int link, const fs::path& shown) {
    std::string target(PATH_MAX, '\0');
    const ssize_t got = readlinkat(link, "", target.data(), target.size());
    if (got <= 0) {
        return system_failure(shown, got < 0 ? errno : ENOENT);
    }
    target.resize(static_cast<std::size_t>(got));
    return target;
}

bool is_in_proc(int fd) {
    struct statfs about {};
    return fstatfs(fd, &about) == 0 && about.f_type == PROC_SUPER_MAGIC;
}

// Missing directories are created by name: the directory itself is checked later.
result<void> make_parents(const fs::path& path) {
    fs::path made;
    for (const fs::path& each : path) {
        made /= each;
        if (mkdir(made.c_str(), parent_mode) != 0 && errno != EEXIST && errno != EROFS &&
            errno != EACCES) {
            return system_failure(made, errno);
        }
    }
    return {};
}

result<unique_fd> open_directory_at(const file_place& at, const fs::path& shown) {
    unique_fd opened{openat(at.directory.get(), at.name.c_str(), directory_flags | O_NOFOLLOW)};
    if (!opened && errno == ENOTDIR) {
        return fail(errc::unavailable, fmt::format("{} is not a directory", shown.native()));
    }
    return opened ? result<unique_fd>{std::move(opened)} : system_failure(shown, errno);
}

} // namespace

result<file_place> find_place(const fs::path& path) {
    unique_fd base; // of a relative path: the directory of the link
    fs::path rest = without_last_slash(path);
    for (int links = 0; links <= links_max; ++links) {
        const int from = base ? base.get() : AT_FDCWD;
        unique_fd parent{openat(from, parent_of(rest).c_str(), directory_flags)};
        if (!parent) {
            return system_failure(path, errno);
        }
        file_place found{std::move(parent), rest.has_filename() ? rest.filename() : "."};
        const unique_fd named{openat(found.directory.get(), found.name.c_str(), name_flags)};
        struct stat facts {};
        if (!named && errno == ENOENT) {
            return found;
        }
        if (!named || fstat(named.get(), &facts) != 0) {
            return system_failure(path, errno);
        }
        if (!S_ISLNK(facts.st_mode)) {
            return found;
        }
        if (!is_trusted(facts.st_uid)) {
            return foreign(path, facts.st_uid, "link");
        }
        if (is_in_proc(named.get())) {
            found.is_magic = true;
            return found;
        }
        auto target = target_of(named.get(), path);
        if (!target) {
            return tl::unexpected{std::move(target.error())};
        }
        base = std::move(found.directory);
        rest = without_last_slash(*target);
    }
    return system_failure(path, ELOOP);
}

result<unique_fd> open_directory(const fs::path& path) {
    const auto at = find_place(path);
    return at ? open_directory_at(*at, path) : tl::unexpected{at.error()};
}

result<unique_fd> make_directory(const fs::path& path, mode_t mode) {
    auto at = find_place(path);
    if (!at && at.error().code == errc::not_found) {
        if (auto made = make_parents(parent_of(without_last_slash(path))); !made) {
            return tl::unexpected{std::move(made.error())};
        }
        at = find_place(path);
    }
    int why = 0;
    if (at && mkdirat(at->directory.get(), at->name.c_str(), mode) != 0 && errno != EEXIST) {
        why = errno;
    }
    auto opened = at ? open_directory_at(*at, path) : tl::unexpected{at.error()};
    if (opened || opened.error().code == errc::denied || (why == 0 && at)) {
        return opened;
    }
    return fail(
        errc::unavailable,
        why == 0 ? fmt::format("cannot create the directory {}", opened.error().text)
                 : fmt::format(
                       "cannot create the directory {}: {}",
                       path.native(),
                       std::generic_category().message(why)
                   )
    );
}

result<void> check_directory(int directory, const fs::path& shown, directory_use use) {
    struct stat facts {};
    if (fstat(directory, &facts) != 0) {
        return system_failure(shown, errno);
    }
    if (!is_trusted(facts.st_uid)) {
        return foreign(shown, facts.st_uid, "directory");
    }
    const bool is_sticky = use == directory_use::shared && (facts.st_mode & S_ISVTX) != 0;
    return others_can_write(facts) && !is_sticky ? writable(shown, facts.st_mode) : result<void>{};
}

result<unique_fd> open_checked_directory(const fs::path& path, directory_use use) {
    auto opened = open_directory(path);
    if (opened) {
        if (auto checked = check_directory(opened->get(), path, use); !checked) {
            return tl::unexpected{std::move(checked.error())};
        }
    }
    return opened;
}

result<void> check_file(const struct stat& facts, const fs::path& shown, directory_use use) {
    if (!S_ISREG(facts.st_mode)) {
        return fail(errc::denied, fmt::format("{} is not a regular file", shown.native()));
    }
    if (!is_trusted(facts.st_uid)) {
        return foreign(shown, facts.st_uid, "file");
    }
    if (others_can_write(facts)) {
        return writable(shown, facts.st_mode);
    }
    if (use == directory_use::shared && facts.st_nlink > 1) {
        return fail(
            errc::denied,
            fmt::format(
                "{} has {} names (hard links), of which another user can have made one: remove it, "
                "or choose another file",
                shown.native(),
                facts.st_nlink
            )
        );
    }
    return {};
}

result<void> check_file(int file, const fs::path& shown, directory_use use) {
    struct stat facts {};
    return fstat(file, &facts) == 0 ? check_file(facts, shown, use) : system_failure(shown, errno);
}

result<unique_fd> create_file(const file_place& at, const fs::path& shown, mode_t mode) {
    constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    unique_fd made{openat(at.directory.get(), at.name.c_str(), flags, mode)};
    if (!made && errno != EEXIST) {
        return system_failure(shown, errno);
    }
    return made;
}

result<unique_fd>
open_checked_file(const file_place& at, const fs::path& shown, int flags, directory_use use) {
    constexpr int always = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    unique_fd opened{openat(at.directory.get(), at.name.c_str(), flags | always)};
    if (!opened) {
        return system_failure(shown, errno);
    }
    if (auto checked = check_file(opened.get(), shown, use); !checked) {
        return tl::unexpected{std::move(checked.error())};
    }
    return opened;
}

unique_fd open_directory_of_root(const fs::path& path, mode_t missing_mode) {
    std::error_code unknown;
    const fs::path whole = fs::absolute(path, unknown);
    if (unknown) {
        return {};
    }
    std::deque<fs::path> rest{whole.begin(), whole.end()};
    unique_fd at;
    for (std::size_t count = 0; count < components_max && !rest.empty(); ++count) {
        const fs::path name = std::move(rest.front());
        rest.pop_front();
        const char* const shown = name.empty() ? "." : name.c_str();
        const int from = at ? at.get() : AT_FDCWD; // not used for the absolute first name
        if (missing_mode != 0) {
            [[maybe_unused]] const int made =
                mkdirat(from, shown, missing_mode); // fails: it exists
        }
        unique_fd next{openat(from, shown, name_flags)};
        struct stat facts {};
        if (!next || fstat(next.get(), &facts) != 0 || facts.st_uid != 0) {
            return {};
        }
        if (S_ISLNK(facts.st_mode)) {
            const auto target = target_of(next.get(), name);
            if (!target) {
                return {};
            }
            const fs::path to{*target};
            rest.insert(rest.begin(), to.begin(), to.end());
            continue;
        }
        if (!S_ISDIR(facts.st_mode)) {
            return {};
        }
        at = std::move(next);
    }
    return rest.empty() ? std::move(at) : unique_fd{};
}

} // namespace msd
