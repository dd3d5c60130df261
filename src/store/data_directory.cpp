// SPDX-License-Identifier: Apache-2.0
#include "store/data_directory.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::store {

namespace {

tl::unexpected<error> system_failure(const std::filesystem::path& where, int code) {
    const auto why = std::generic_category().message(code);
    return fail(errc::unavailable, fmt::format("{}: {}", where.string(), why));
}

// linux/magic.h lacks several of these.
constexpr std::array<std::pair<unsigned long, std::string_view>, 12> network_magics{{
    {0x6969, "nfs"},
    {0x517B, "smb"},
    {0xFE534D42, "smb2"},
    {0xFF534D42, "cifs"},
    {0x65735546, "fuse"},
    {0x01021997, "9p"},
    {0x00C36400, "ceph"},
    {0x5346414F, "afs"},
    {0x6B414653, "kafs"},
    {0x73757245, "coda"},
    {0x0BD00BD0, "lustre"},
    {0x564C, "ncp"},
}};

// A file that root creates in a user's directory is given to that user, who has to be able to open
// it. Returns 0 or errno.
int give_to_owner_of_directory(int fd, const std::filesystem::path& file) {
    if (::geteuid() != 0) {
        return 0;
    }
    const auto place = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
    struct stat directory {};
    const bool is_given = ::stat(place.c_str(), &directory) == 0 &&
                          ::fchown(fd, directory.st_uid, directory.st_gid) == 0;
    return is_given ? 0 : errno;
}

} // namespace

std::string_view network_file_system(unsigned long magic) {
    for (const auto& [number, name] : network_magics) {
        if (number == magic) {
            return name;
        }
    }
    return {};
}

result<void> prepare_data_directory(const std::filesystem::path& directory) {
    std::error_code failed;
    const auto where = std::filesystem::absolute(directory, failed);
    if (!failed) {
        std::filesystem::create_directories(where.parent_path(), failed);
    }
    if (failed) {
        return system_failure(directory, failed.value());
    }
    if (::mkdir(where.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return system_failure(directory, errno);
    }
    struct statfs facts {};
    if (::statfs(where.c_str(), &facts) != 0) {
        return system_failure(directory, errno);
    }
    // f_type is signed and has 32 bits; the magic numbers of SMB have the highest bit set.
    const auto magic = static_cast<unsigned long>(facts.f_type) & 0xFFFFFFFFUL;
    if (const auto network = network_file_system(magic); !network.empty()) {
        return fail(
            errc::invalid,
            fmt::format(
                "{} is on a network file system ({}), where databases are not safe: "
                "choose a directory on a local disk",
                directory.string(),
                network
            )
        );
    }
    return {};
}

namespace {

constexpr int private_flags = O_RDWR | O_CLOEXEC;

// Returns an empty descriptor when the file exists. Only a file created here changes its owner: an
// existing one may be a link to another user's file.
result<unique_fd> make_private_file(const std::filesystem::path& file) {
    unique_fd made{::open(file.c_str(), private_flags | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR)};
    if (!made) {
        return errno == EEXIST ? result<unique_fd>{unique_fd{}} : system_failure(file, errno);
    }
    if (const int code = give_to_owner_of_directory(made.get(), file); code != 0) {
        return system_failure(file, code);
    }
    return made;
}

} // namespace

result<unique_fd> open_private_file(const std::filesystem::path& file) {
    auto opened = make_private_file(file);
    if (!opened || *opened) {
        return opened;
    }
    opened->reset(::open(file.c_str(), private_flags));
    if (!*opened) {
        return system_failure(file, errno);
    }
    return opened;
}

result<void> create_private_file(const std::filesystem::path& file) {
    if (const auto made = make_private_file(file); !made) {
        return tl::unexpected{made.error()};
    }
    return {};
}

} // namespace msd::store
