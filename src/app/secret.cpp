// SPDX-License-Identifier: Apache-2.0
#include "app/secret.hpp"

#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace msd::app {

namespace {

tl::unexpected<error> wrong(const std::filesystem::path& file, std::string_view what) {
    return fail(errc::invalid, fmt::format("password file {}: {}", file.string(), what));
}

std::string system_reason() {
    return std::generic_category().message(errno);
}

// Only the owner can change the file, and only the owner and the group can read it.
bool is_private(const struct stat& about) {
    return (about.st_mode & (S_IRWXO | S_IWGRP)) == 0;
}

// Container platforms mount a secret as a file of root that every user of the container can read
// (0444) and nobody can write: the mount is what protects it.
bool is_mounted_secret(const struct stat& about) {
    constexpr mode_t any_write_or_execute =
        S_IWUSR | S_IWGRP | S_IWOTH | S_IXUSR | S_IXGRP | S_IXOTH;
    return about.st_uid == 0 && (about.st_mode & any_write_or_execute) == 0;
}

// `echo` and shells that read a file add a line end, which is not part of the password.
std::string without_line_end(std::string_view text) {
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
        }
    }
    return std::string{text};
}

} // namespace

result<std::string> read_secret(
    const std::filesystem::path& file,
    const char* variable,
    const environment_lookup& look_up
) {
    if (file.empty()) {
        const char* const set = look_up(variable);
        return without_line_end(set == nullptr ? "" : set);
    }
    const unique_fd opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat about {};
    if (!opened || ::fstat(opened.get(), &about) != 0) {
        return wrong(file, system_reason());
    }
    if (!S_ISREG(about.st_mode)) {
        return wrong(file, "is not a regular file");
    }
    if (!is_private(about) && !is_mounted_secret(about)) {
        return wrong(
            file,
            "other users can read or change it: set its mode to 600, or to 640 when its group "
            "reads it"
        );
    }
    std::array<char, secret_bytes_max + 1> bytes{};
    const auto size = ::read(opened.get(), bytes.data(), bytes.size());
    if (size < 0) {
        return wrong(file, system_reason());
    }
    std::string secret{bytes.data(), static_cast<std::size_t>(size)};
    if (secret.size() > secret_bytes_max) {
        return wrong(file, fmt::format("is larger than {} bytes", secret_bytes_max));
    }
    while (secret.ends_with('\n') || secret.ends_with('\r')) {
        secret.pop_back();
    }
    if (secret.empty()) {
        return wrong(file, "is empty");
    }
    return secret;
}

result<std::string>
store_password(const configuration& configured, const environment_lookup& look_up) {
    if (configured.service.store.url.empty()) {
        return std::string{};
    }
    return read_secret(configured.store_password_file, store_password_variable, look_up);
}

result<std::string>
cache_password(const configuration& configured, const environment_lookup& look_up) {
    if (!configured.service.cache.wanted()) {
        return std::string{};
    }
    return read_secret(configured.cache_password_file, cache_password_variable, look_up);
}

result<void> take_passwords(configuration& into, const environment_lookup& look_up) {
    auto store = store_password(into, look_up);
    if (!store) {
        return tl::unexpected{std::move(store.error())};
    }
    auto cache = cache_password(into, look_up);
    if (!cache) {
        return tl::unexpected{std::move(cache.error())};
    }
    into.service.store.password = std::move(*store);
    into.service.cache.password = std::move(*cache);
    return {};
}

} // namespace msd::app
