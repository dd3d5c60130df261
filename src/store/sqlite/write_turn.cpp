// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/write_turn.hpp"

#include "store/data_directory.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::store::sqlite {

namespace {

// Byte offsets in the lock file. Open-file-description locks belong to the descriptor, not to the
// process: closing another descriptor of the file does not release them.
constexpr off_t turn_byte = 0;
constexpr off_t waiting_room_byte = 1;

bool set_lock(int fd, short kind, off_t byte) {
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    int done = 0;
    do {
        done = ::fcntl(fd, F_OFD_SETLKW, &lock);
    } while (done != 0 && errno == EINTR);
    return done == 0;
}

} // namespace

result<write_turn> write_turn::open(const std::filesystem::path& file) {
    auto opened = open_private_file(file);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return write_turn{std::move(*opened)};
}

result<write_turn::holder> write_turn::wait() {
    bool locked = set_lock(file_.get(), F_WRLCK, waiting_room_byte);
    if (locked) {
        locked = set_lock(file_.get(), F_WRLCK, turn_byte);
        const int why = errno;
        set_lock(file_.get(), F_UNLCK, waiting_room_byte);
        errno = why;
    }
    if (!locked) {
        const auto why = std::generic_category().message(errno);
        return fail(errc::unavailable, "cannot lock the database for writing: " + why);
    }
    return holder{file_.get()};
}

write_turn::holder::~holder() {
    if (fd_ >= 0) {
        set_lock(fd_, F_UNLCK, turn_byte);
    }
}

} // namespace msd::store::sqlite
