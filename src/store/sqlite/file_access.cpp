// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/file_access.hpp"

#include "base/owned_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <utility>

namespace msd::store::sqlite {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view super_journal_mark = "-mj";
constexpr std::size_t super_journal_digits = 9;
constexpr mode_t private_mode = S_IRUSR | S_IWUSR;
constexpr mode_t everybody_else = S_IRWXG | S_IRWXO;

bool is_in_own_directory(const char* path) {
    return open_checked_directory(fs::path{path}.parent_path(), directory_use::own).has_value();
}

// Called by SQLite in place of open(2). Temporary files, directories and devices are opened, too.
int open_checked(const char* path, int flags, int mode) {
    const bool is_new = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    if (!is_new && (flags & O_CREAT) != 0 && !is_in_own_directory(path)) {
        errno = EPERM;
        return -1;
    }
    // O_NONBLOCK: does not wait for the other end of a FIFO, and has no effect on a regular file.
    unique_fd opened{::open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode)};
    struct stat facts {};
    if (!opened || ::fstat(opened.get(), &facts) != 0 || is_new || S_ISDIR(facts.st_mode)) {
        return opened.release();
    }
    const bool is_read_only = (flags & O_ACCMODE) == O_RDONLY;
    if (S_ISCHR(facts.st_mode) && is_read_only && facts.st_uid == 0) {
        return opened.release(); // /dev/urandom
    }
    if (!check_file(facts, path, directory_use::own) || !is_in_own_directory(path)) {
        errno = EPERM;
        return -1;
    }
    if (!is_read_only && (facts.st_mode & everybody_else) != 0) {
        [[maybe_unused]] const int done = ::fchmod(opened.get(), private_mode);
    }
    return opened.release();
}

bool is_super_journal(std::string_view name) {
    const auto mark = name.rfind(super_journal_mark);
    return mark != std::string_view::npos &&
           name.size() == mark + super_journal_mark.size() + super_journal_digits;
}

// The names of the files that SQLite creates beside a database.
bool is_deletable(const char* path) {
    const std::string name = fs::path{path}.filename();
    return (name.ends_with("-journal") || name.ends_with("-wal") || is_super_journal(name)) &&
           is_in_own_directory(path);
}

sqlite3_vfs* usual_layer() {
    return sqlite3_vfs_find("unix");
}

int open_through(sqlite3_vfs*, const char* name, sqlite3_file* to, int flags, int* made) {
    sqlite3_vfs* const usual = usual_layer();
    return usual->xOpen(usual, name, to, flags, made);
}

int open_for_reading(sqlite3_vfs*, const char* name, sqlite3_file* to, int flags, int* made) {
    sqlite3_vfs* const usual = usual_layer();
    constexpr unsigned writing = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const unsigned reading = (static_cast<unsigned>(flags) & ~writing) | SQLITE_OPEN_READONLY;
    return usual->xOpen(usual, name, to, static_cast<int>(reading), made);
}

int delete_own(sqlite3_vfs*, const char* name, int sync) {
    sqlite3_vfs* const usual = usual_layer();
    return is_deletable(name) ? usual->xDelete(usual, name, sync) : SQLITE_IOERR_DELETE;
}

int delete_nothing(sqlite3_vfs*, const char*, int) {
    return SQLITE_IOERR_DELETE;
}

sqlite3_vfs layer_named(const char* name) {
    sqlite3_vfs made = *usual_layer();
    made.pNext = nullptr;
    made.zName = name;
    made.xOpen = open_through;
    made.xDelete = delete_own;
    return made;
}

void install() {
    sqlite3_vfs* const usual = usual_layer();
    assert(usual != nullptr && usual->iVersion >= 3);
    const auto opener = reinterpret_cast<sqlite3_syscall_ptr>(open_checked);
    [[maybe_unused]] int done = usual->xSetSystemCall(usual, "open", opener);
    assert(done == SQLITE_OK);
    static sqlite3_vfs ordinary = layer_named(file_layer());
    static sqlite3_vfs reading = layer_named(reading_file_layer());
    reading.xOpen = open_for_reading;
    reading.xDelete = delete_nothing;
    done = sqlite3_vfs_register(&ordinary, 0);
    assert(done == SQLITE_OK);
    done = sqlite3_vfs_register(&reading, 0);
    assert(done == SQLITE_OK);
}

} // namespace

void guard_files() {
    static std::once_flag once;
    std::call_once(once, install);
}

const char* reading_file_layer() {
    return "msd-reading";
}

const char* file_layer() {
    return "msd";
}

} // namespace msd::store::sqlite
