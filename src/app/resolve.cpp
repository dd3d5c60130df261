// SPDX-License-Identifier: Apache-2.0
#include "app/resolve.hpp"

#include "app/config_file.hpp"
#include "app/role_directories.hpp"
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

// Reads from `kept` instead when it is not -1; messages use the name of the file.
result<void>
read_file(const std::string& file, int kept, const config_schema& schema, configuration& into) {
    auto text = config_text(kept >= 0 ? fmt::format("/proc/self/fd/{}", kept) : file);
    if (!text) {
        return tl::unexpected{std::move(text.error())};
    }
    if (auto read = read_config(*text, file, schema, into); !read) {
        return read;
    }
    auto copy = keep(*text);
    if (!copy) {
        return tl::unexpected{std::move(copy.error())};
    }
    into.text = std::move(*copy);
    return {};
}

bool has_password(std::string_view url) {
    const auto read = store::parse_server_url(url);
    return read && !read->password.empty();
}

} // namespace

tl::expected<configuration, refusal> resolve(
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    int config_descriptor
) {
    const config_schema schema{roles};
    configuration made = schema.defaults();
    made.membership.distributor_host = process::loopback_host();
    if (const std::string file = config_file_of(command, look_up); !file.empty()) {
        if (const auto read = read_file(file, config_descriptor, schema, made); !read) {
            return refuse(exit_configuration, read.error().text);
        }
    }
    const auto applied = apply_environment(made, schema, command, roles, look_up);
    if (!applied) {
        return refuse(exit_configuration, applied.error().text);
    }
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
        const auto set = config_schema::set_text(made, key, each.text);
        if (!set) {
            const int code = key.depends_on_host ? exit_configuration : exit_usage;
            return refuse(code, fmt::format("{}: {}", each.flag, set.error().text));
        }
    }
    if (const auto fits = check_together(made); !fits) {
        return refuse(exit_configuration, fits.error().text);
    }
    if (const auto chosen = choose_directories(made, command); !chosen) {
        return refuse(exit_configuration, chosen.error().text);
    }
    return made;
}

const char* process_environment(const char* name) {
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
}

} // namespace msd::app
