// SPDX-License-Identifier: Apache-2.0
#include "app/secret.hpp"

#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

// A file with a secret, and what messages call it.
struct secret_file {
    const std::filesystem::path& path;
    std::string_view title;
    std::size_t bytes_max;
};

tl::unexpected<error> wrong(const secret_file& file, std::string_view what) {
    return fail(errc::invalid, fmt::format("{} {}: {}", file.title, file.path.string(), what));
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

// The whole file.
result<std::string> read_private(const secret_file& file) {
    const unique_fd opened{::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
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
    std::string secret(file.bytes_max + 1, '\0');
    const auto size = ::read(opened.get(), secret.data(), secret.size());
    if (size < 0) {
        return wrong(file, system_reason());
    }
    secret.resize(static_cast<std::size_t>(size));
    if (secret.size() > file.bytes_max) {
        return wrong(file, fmt::format("is larger than {} bytes", file.bytes_max));
    }
    return secret;
}

// The names in a list that is separated by commas, without white space around them.
std::vector<std::string> names_in(std::string_view list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        std::string_view name = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        while (name.starts_with(' ')) {
            name.remove_prefix(1);
        }
        while (name.ends_with(' ')) {
            name.remove_suffix(1);
        }
        if (!name.empty()) {
            names.emplace_back(name);
        }
    }
    return names;
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
    const secret_file from{file, "password file", secret_bytes_max};
    auto secret = read_private(from);
    if (!secret) {
        return secret;
    }
    while (secret->ends_with('\n') || secret->ends_with('\r')) {
        secret->pop_back();
    }
    if (secret->empty()) {
        return wrong(from, "is empty");
    }
    return secret;
}

result<void> take_cluster_secrets(configuration& into, const environment_lookup& look_up) {
    into.membership.secrets.reset();
    core::cluster_secrets secrets;
    const std::vector<std::string> files = names_in(into.secret_files);
    if (files.size() > secret_files_max) {
        return fail(
            errc::invalid,
            fmt::format("registry.secret_file names more than {} files", secret_files_max)
        );
    }
    for (const std::string& each : files) {
        const std::filesystem::path path{each};
        const secret_file from{path, "secret file", secret_file_bytes_max};
        const std::size_t before = secrets.all().size();
        const auto text = read_private(from);
        if (!text) {
            return tl::unexpected{text.error()};
        }
        if (const auto added = secrets.add(*text); !added) {
            return wrong(from, added.error().text);
        }
        if (secrets.all().size() == before && before == 0) {
            return wrong(from, "contains no secret; make one with msd secret new FILE");
        }
    }
    const char* const set = files.empty() ? look_up(registry_secret_variable) : nullptr;
    if (const auto added = secrets.add(set == nullptr ? "" : set); !added) {
        return fail(
            errc::invalid,
            fmt::format("{}: {}", registry_secret_variable, added.error().text)
        );
    }
    if (!secrets.empty()) {
        into.membership.secrets = std::make_shared<const core::cluster_secrets>(std::move(secrets));
    }
    return {};
}

std::optional<bytes_32>
digest_of_unknown_secrets(const configuration& of, const environment_lookup& look_up) {
    const bool named = !of.secret_files.empty() || look_up(registry_secret_variable) != nullptr;
    return named ? std::optional{bytes_32{}} : std::nullopt;
}

std::optional<bytes_32> digest_of_secrets(const configuration& of) {
    return of.membership.secrets ? std::optional{of.membership.secrets->digest()} : std::nullopt;
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
    if (auto secrets = take_cluster_secrets(into, look_up); !secrets) {
        return secrets;
    }
    into.service.store.password = std::move(*store);
    into.service.cache.password = std::move(*cache);
    return {};
}

} // namespace msd::app
