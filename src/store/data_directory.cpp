// SPDX-License-Identifier: Apache-2.0
#include "store/data_directory.hpp"

#include "base/owned_files.hpp"

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
    const auto opened = make_directory(directory, S_IRWXU);
    if (!opened) {
        return tl::unexpected{opened.error()};
    }
    if (auto checked = check_directory(opened->get(), directory, directory_use::own); !checked) {
        return checked;
    }
    struct statfs facts {};
    if (::fstatfs(opened->get(), &facts) != 0) {
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

constexpr mode_t private_mode = S_IRUSR | S_IWUSR;
constexpr mode_t everybody_else = S_IRWXG | S_IRWXO;

std::filesystem::path directory_of(const std::filesystem::path& file) {
    return file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
}

// The place of `file` in its directory, which is checked. A link with the name of the file is not
// followed.
result<file_place> private_place(const std::filesystem::path& file) {
    auto directory = open_checked_directory(directory_of(file), directory_use::own);
    if (!directory) {
        return tl::unexpected{std::move(directory.error())};
    }
    return file_place{std::move(*directory), file.filename().native()};
}

} // namespace

result<unique_fd> open_private_file(const std::filesystem::path& file) {
    const auto at = private_place(file);
    if (!at) {
        return tl::unexpected{at.error()};
    }
    auto opened = create_file(*at, file, private_mode);
    if (!opened || *opened) {
        return opened;
    }
    opened = open_checked_file(*at, file, O_RDWR, directory_use::own);
    struct stat facts {};
    // Whoever can read a file can lock it.
    if (opened && ::fstat(opened->get(), &facts) == 0 && (facts.st_mode & everybody_else) != 0 &&
        ::fchmod(opened->get(), private_mode) != 0) {
        return system_failure(file, errno);
    }
    return opened;
}

result<void> create_private_file(const std::filesystem::path& file) {
    const auto at = private_place(file);
    if (!at) {
        return tl::unexpected{at.error()};
    }
    const auto made = create_file(*at, file, private_mode);
    return made ? result<void>{} : tl::unexpected{made.error()};
}

result<void> check_private_file(const std::filesystem::path& file) {
    const auto at = private_place(file);
    if (!at) {
        return tl::unexpected{at.error()};
    }
    struct stat facts {};
    if (::fstatat(at->directory.get(), at->name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? result<void>{} : system_failure(file, errno);
    }
    return check_file(facts, file, directory_use::own);
}

} // namespace msd::store
