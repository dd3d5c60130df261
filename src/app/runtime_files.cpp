// SPDX-License-Identifier: Apache-2.0
#include "app/runtime_files.hpp"

#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::app {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t instances_max = 1024;
constexpr mode_t private_mode = 0700; // data, and a runtime directory of a user
constexpr mode_t shared_mode = 0755;  // /run/msd: the sockets in it have modes of their own

result<void> make_directory(const fs::path& path, mode_t mode) {
    std::error_code reason;
    if (fs::is_directory(path, reason)) {
        return {};
    }
    if (fs::exists(path, reason)) {
        return fail(errc::unavailable, fmt::format("{} is no directory", path.native()));
    }
    reason.clear(); // that there is none was to be expected
    if (path.has_parent_path()) {
        fs::create_directories(path.parent_path(), reason);
    }
    if (!reason && mkdir(path.c_str(), mode) == 0) {
        return {};
    }
    // Another instance that starts at the same moment was quicker.
    if (!reason && errno == EEXIST && fs::is_directory(path, reason)) {
        return {};
    }
    const int code = reason ? reason.value() : errno;
    return fail(
        errc::unavailable,
        fmt::format(
            "cannot create the directory {}: {}",
            path.native(),
            std::generic_category().message(code)
        )
    );
}

} // namespace

result<runtime_files>
claim_runtime_files(const configuration& configured, std::string_view instance, verb command) {
    const fs::path directory = fs::absolute(runtime_dir_of(configured));
    const fs::path socket = directory / fmt::format("{}.sock", instance);
    if (const auto usable = process::unix_address(socket); !usable) {
        return tl::unexpected{usable.error()};
    }
    const bool has_data = command == verb::up || command == verb::service;
    const bool is_inside_data = directory == fs::absolute(configured.data_dir / "run");
    if (has_data || is_inside_data) {
        if (auto made = make_directory(configured.data_dir, private_mode); !made) {
            return tl::unexpected{std::move(made.error())};
        }
    }
    const mode_t mode = directory == "/run/msd" ? shared_mode : private_mode;
    if (auto made = make_directory(directory, mode); !made) {
        return tl::unexpected{std::move(made.error())};
    }
    auto pid = process::pid_file::claim(directory / fmt::format("{}.pid", instance));
    if (!pid) {
        return tl::unexpected{std::move(pid.error())};
    }
    return runtime_files{std::move(*pid), socket};
}

std::vector<instance_socket> find_instances(const configuration& configured) {
    std::vector<instance_socket> found;
    std::error_code ignored; // no directory: no instance
    const fs::path directory = fs::absolute(runtime_dir_of(configured));
    for (fs::directory_iterator entry{directory, ignored}, end;
         entry != end && found.size() < instances_max;
         entry.increment(ignored)) {
        if (entry->path().extension() == ".sock") {
            found.push_back({entry->path().stem().string(), entry->path()});
        }
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return a.name < b.name;
    });
    return found;
}

} // namespace msd::app
