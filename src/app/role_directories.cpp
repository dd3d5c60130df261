// SPDX-License-Identifier: Apache-2.0
#include "app/role_directories.hpp"

#include "app/environment.hpp"
#include "store/stored_services.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace msd::app {

namespace {

namespace fs = std::filesystem;

bool has_directory(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

} // namespace

bool is_split(const fs::path& data_dir) {
    return std::ranges::any_of(store::stored_services(), [&data_dir](std::string_view each) {
        return has_directory(data_dir / each);
    });
}

fs::path data_dir_of(const fs::path& data_dir, std::string_view service) {
    return is_split(data_dir) ? data_dir / service : data_dir;
}

result<void> choose_directories(configuration& into, const command_line& command) {
    if (command.what == verb::up && is_split(into.data_dir)) {
        return fail(
            errc::invalid,
            fmt::format(
                "{} has a directory for each service, whose users are different: start each role "
                "by itself (msd.target), or choose another data_dir for msd up",
                into.data_dir.native()
            )
        );
    }
    const std::string_view role = role_of(command);
    if (role.empty()) {
        return {};
    }
    if (command.what == verb::service) {
        into.data_dir = data_dir_of(into.data_dir, role);
    }
    const fs::path runtime = runtime_dir_of(into);
    if (has_directory(runtime / role)) {
        into.runtime_dir = runtime / role;
    }
    return {};
}

} // namespace msd::app
