// SPDX-License-Identifier: Apache-2.0
#include "app/resolve.hpp"

#include "app/config_file.hpp"
#include "app/role_directories.hpp"
#include "app/route_flag.hpp"
#include "config/file.hpp"
#include "process/loopback.hpp"
#include "store/server_url.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace msd::app {

namespace {

tl::unexpected<refusal> refuse(int exit_code, std::string text) {
    return tl::unexpected{refusal{exit_code, std::move(text)}};
}

std::string config_file_of(const command_line& command, const environment_lookup& look_up) {
    if (!command.config_file.empty()) {
        return command.config_file;
    }
    const char* const named = look_up(config_file_variable);
    return named == nullptr ? "" : named;
}

// An anonymous file with that text. Workers read it, so that a change of the file on the disk does
// not affect them. It is sealed, so that a worker cannot change it for the others.
result<std::shared_ptr<const unique_fd>> keep(std::string_view text) {
    constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    unique_fd kept{memfd_create("msd-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    while (kept && !text.empty()) {
        const ssize_t written = write(kept.get(), text.data(), text.size());
        if (written <= 0) {
            kept.reset();
            break;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!kept || fcntl(kept.get(), F_ADD_SEALS, seals) != 0) {
        return fail(errc::unavailable, "no memory for the configuration");
    }
    return std::make_shared<const unique_fd>(std::move(kept));
}

bool has_password(std::string_view url) {
    const auto read = store::parse_server_url(url);
    return read && !read->password.empty();
}

// The values of flags, which override those of the environment and the file.
tl::expected<void, refusal>
apply_flags(configuration& made, const config_schema& schema, const command_line& command) {
    for (const assignment& each : command.settings) {
        if (each.key == "distributor.workers") {
            // The registry's state is in one process.
            if (each.text != "1") {
                return refuse(exit_usage, each.flag + ": a distributor has exactly one worker");
            }
            continue;
        }
        if (each.key == "store.url" && has_password(each.text)) {
            return refuse(
                exit_usage,
                each.flag +
                    ": every user of this machine can read a command line: write the "
                    "password into a file and name it with store.password_file, or set " +
                    std::string{store_password_variable}
            );
        }
        const config_key& key = *schema.find(each.key);
        if (const auto set = config::set_text(made, key, each.text); !set) {
            const int code = key.depends_on_host ? exit_configuration : exit_usage;
            return refuse(code, fmt::format("{}: {}", each.flag, set.error().text));
        }
    }
    if (const auto added = add_route_flags(made.gateway, command.routes); !added) {
        return refuse(exit_usage, fmt::format("--route: {}", added.error().text));
    }
    return {};
}

} // namespace

tl::expected<std::optional<file_text>, refusal> read_file_of(
    const command_line& command,
    const environment_lookup& look_up,
    int config_descriptor
) {
    const std::string name = config_file_of(command, look_up);
    if (name.empty()) {
        return std::nullopt;
    }
    auto text = config::read_text(
        config_descriptor >= 0 ? fmt::format("/proc/self/fd/{}", config_descriptor) : name
    );
    if (!text) {
        return refuse(exit_configuration, std::move(text.error().text));
    }
    return file_text{name, std::move(*text)};
}

tl::expected<configuration, refusal> resolve_values(
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    const std::optional<file_text>& file
) {
    const config_schema schema{roles};
    configuration made = schema.defaults();
    made.membership.distributor_host = process::loopback_host();
    if (file) {
        if (auto read = read_config(file->text, file->name, schema, made); !read) {
            return refuse(exit_configuration, std::move(read.error().text));
        }
    }
    if (const auto applied = apply_environment(made, schema, command, roles, look_up); !applied) {
        return refuse(exit_configuration, applied.error().text);
    }
    if (auto applied = apply_flags(made, schema, command); !applied) {
        return tl::unexpected{std::move(applied.error())};
    }
    if (const auto fits = check_together(made); !fits) {
        return refuse(exit_configuration, fits.error().text);
    }
    return made;
}

tl::expected<configuration, refusal> resolve(
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    int config_descriptor
) {
    const auto file = read_file_of(command, look_up, config_descriptor);
    if (!file) {
        return tl::unexpected{file.error()};
    }
    auto made = resolve_values(command, roles, look_up, *file);
    if (!made) {
        return made;
    }
    if (*file) {
        auto copy = keep((*file)->text);
        if (!copy) {
            return refuse(exit_configuration, std::move(copy.error().text));
        }
        made->text = std::move(*copy);
    }
    if (const auto chosen = choose_directories(*made, command); !chosen) {
        return refuse(exit_configuration, chosen.error().text);
    }
    return made;
}

const char* process_environment(const char* name) {
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
}

} // namespace msd::app
