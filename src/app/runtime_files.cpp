// SPDX-License-Identifier: Apache-2.0
#include "app/runtime_files.hpp"

#include "base/log_destination.hpp"
#include "base/owned_files.hpp"
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::app {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t instances_max = 1024;
constexpr mode_t private_mode = 0700; // data, and a runtime directory of a user
constexpr std::string_view shared_directory = "/run/msd";
constexpr mode_t shared_mode = 0755; // each socket in it has its own mode

struct directory {
    fs::path path;
    mode_t mode;
};

// The directories that an instance needs, in the order of their creation.
std::vector<directory> directories_of(const configuration& configured, verb command) {
    const fs::path runtime = fs::absolute(runtime_dir_of(configured));
    const bool has_data = command == verb::up || command == verb::service;
    const bool is_inside_data = runtime == fs::absolute(configured.data_dir / "run");
    std::vector<directory> all;
    if (has_data || is_inside_data) {
        all.push_back({configured.data_dir, private_mode});
    }
    all.push_back({runtime, runtime == shared_directory ? shared_mode : private_mode});
    return all;
}

result<void> check_usable(int directory, const fs::path& shown) {
    if (auto checked = check_directory(directory, shown, directory_use::own); !checked) {
        return checked;
    }
    if (faccessat(directory, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0) {
        return {};
    }
    return fail(
        errc::denied,
        fmt::format(
            "user {} cannot use the directory {}: {}; give it to that user, or choose another one",
            geteuid(),
            shown.native(),
            std::generic_category().message(errno)
        )
    );
}

} // namespace

// Errors are ignored: what the owner cannot create or use is reported by claim_runtime_files().
void prepare_for_owner(
    const configuration& configured,
    verb command,
    const process::identity& owner
) {
    for (const directory& each : directories_of(configured, command)) {
        process::give_directory(
            each.path,
            each.mode,
            each.path == shared_directory ? process::given::always : process::given::when_private,
            owner
        );
    }
    if (!log::standard_stream(configured.log.file)) {
        process::give_file(configured.log.file, owner);
    }
    const std::string& access = configured.gateway.access_log.file;
    const bool has_gateway = command == verb::gateway || command == verb::up;
    if (has_gateway && !access.empty() && !log::standard_stream(access)) {
        process::give_file(access, owner);
    }
}

result<runtime_files>
claim_runtime_files(const configuration& configured, std::string_view instance, verb command) {
    const fs::path runtime = fs::absolute(runtime_dir_of(configured));
    const fs::path socket = runtime / fmt::format("{}.sock", instance);
    if (const auto usable = process::unix_address(socket); !usable) {
        return tl::unexpected{usable.error()};
    }
    for (const directory& each : directories_of(configured, command)) {
        const auto made = make_directory(each.path, each.mode);
        if (!made) {
            return tl::unexpected{made.error()};
        }
        if (auto usable = check_usable(made->get(), each.path); !usable) {
            return tl::unexpected{std::move(usable.error())};
        }
    }
    auto pid = process::pid_file::claim(runtime / fmt::format("{}.pid", instance));
    if (!pid) {
        return tl::unexpected{std::move(pid.error())};
    }
    return runtime_files{std::move(*pid), socket};
}

std::filesystem::path
topology_file_of(const configuration& configured, std::string_view pool, std::uint16_t port) {
    return runtime_dir_of(configured) / fmt::format("{}-{}.nodes", pool, port);
}

topology_files::topology_files(
    const configuration& configured,
    const std::vector<process::pool_settings>& pools
) {
    for (const process::pool_settings& each : pools) {
        all_.push_back(topology_file_of(configured, each.name, each.listeners.port));
    }
}

// A worker that was killed while it wrote leaves NAME-PORT.nodes.PID behind.
topology_files::~topology_files() {
    std::error_code ignored;
    for (const fs::path& each : all_) {
        unlink(each.c_str());
        const std::string unfinished = each.filename().native() + ".";
        for (fs::directory_iterator entry{each.parent_path(), ignored}, end; entry != end;
             entry.increment(ignored)) {
            if (entry->path().filename().native().starts_with(unfinished)) {
                unlink(entry->path().c_str());
            }
        }
    }
}

namespace {

void add_instances(const fs::path& directory, std::vector<instance_socket>& into) {
    std::error_code ignored;
    for (fs::directory_iterator entry{directory, ignored}, end;
         entry != end && into.size() < instances_max;
         entry.increment(ignored)) {
        if (entry->path().extension() == ".sock") {
            into.push_back({entry->path().stem().string(), entry->path()});
        }
    }
}

} // namespace

std::vector<instance_socket> find_instances(const std::filesystem::path& directory) {
    std::vector<instance_socket> found;
    std::error_code ignored; // no directory: no instance
    std::vector<fs::path> to_search{directory};
    for (fs::directory_iterator entry{directory, ignored}, end;
         entry != end && to_search.size() < instances_max;
         entry.increment(ignored)) {
        if (fs::is_directory(entry->symlink_status(ignored))) {
            to_search.push_back(entry->path());
        }
    }
    for (const fs::path& each : to_search) {
        add_instances(each, found);
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return a.name < b.name;
    });
    return found;
}

} // namespace msd::app
