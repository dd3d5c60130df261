// SPDX-License-Identifier: Apache-2.0
#include "app/environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

struct variable {
    std::string name;
    std::string key;
};

constexpr std::pair<const char*, const char*> general[] = {
    {"MSD_HOST", "host"},
    {"MSD_DATA_DIR", "data_dir"},
    {"MSD_RUNTIME_DIR", "runtime_dir"},
    {"MSD_USER", "user"},
    {"MSD_GROUP", "group"},
    {"MSD_LOG_LEVEL", "log.level"},
    {"MSD_LOG_FORMAT", "log.format"},
    {"MSD_LOG_FILE", "log.file"},
    {"MSD_DISTRIBUTOR", "registry.distributor"},
    {"MSD_ADVERTISE", "registry.advertise"},
    {"MSD_REGISTRY_SECRET_FILE", "registry.secret_file"},
    {"MSD_STORE", "store.url"},
    {"MSD_STORE_PASSWORD_FILE", "store.password_file"},
    {"MSD_CACHE", "cache.url"},
    {"MSD_CACHE_PASSWORD_FILE", "cache.password_file"},
};

std::string upper(std::string_view text) {
    std::string made;
    for (const unsigned char c : text) {
        made += static_cast<char>(std::toupper(c));
    }
    return made;
}

std::string fixed_variable(std::string_view key) {
    return "MSD_FIXED_" + upper(key);
}

// Every variable; a later one overrides an earlier one, so those of one role come last.
std::vector<variable>
all_variables(const command_line& command, std::span<const role_facts> roles) {
    std::vector<variable> all;
    for (const auto& [name, key] : general) {
        all.push_back({name, key});
    }
    const std::string_view running = role_of(command);
    for (const role_facts& role : roles) {
        if (role.name == running) {
            all.push_back({"MSD_PORT", role.section() + ".port"});
        }
        if (!role.is_single()) {
            all.push_back({"MSD_WORKERS", role.section() + ".workers"});
        }
    }
    for (const role_facts& role : roles) {
        const std::string prefix = "MSD_" + upper(role.name);
        all.push_back({prefix + "_PORT", role.section() + ".port"});
        if (role.kind == role_kind::admin) {
            all.push_back({prefix + "_ENABLED", role.section() + ".enabled"});
        }
        if (!role.is_single()) {
            all.push_back({prefix + "_WORKERS", role.section() + ".workers"});
        }
    }
    return all;
}

bool is_set_by_flag(const command_line& command, std::string_view key) {
    return std::ranges::any_of(command.settings, [key](const assignment& each) {
        return each.key == key;
    });
}

// Kubernetes and Docker links give a container the variable NAME_PORT=tcp://ADDRESS:PORT for each
// service: for a service named msd-gateway it is MSD_GATEWAY_PORT.
bool is_of_container_platform(const variable& which, std::string_view text) {
    constexpr std::string_view schemes[] = {"tcp://", "udp://", "sctp://"};
    return which.name.ends_with("_PORT") &&
           std::ranges::any_of(schemes, [text](std::string_view scheme) {
               return text.starts_with(scheme);
           });
}

std::string warning_of_platform(const std::vector<std::string>& names) {
    return fmt::format(
        "ignored: {}: the container platform sets {} to the address of a service of that name; set "
        "the port with a flag or in the configuration file",
        fmt::join(names, ", "),
        names.size() == 1 ? "this variable" : "these variables"
    );
}

// Whether later processes of the instance get the value in a variable: texts that need a restart.
// Numbers that need a restart are ports, which workers get as sockets.
bool is_passed_to_successors(const config_key& key) {
    return key.needs_restart && key.of == config::kind::text;
}

} // namespace

std::string_view role_of(const command_line& command) {
    switch (command.what) {
    case verb::distributor:
        return "distributor";
    case verb::gateway:
        return "gateway";
    case verb::service:
        return command.service;
    default:
        return {};
    }
}

result<void> apply_environment(
    configuration& into,
    const config_schema& schema,
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up
) {
    std::vector<std::string> ignored;
    for (const variable& each : all_variables(command, roles)) {
        const config_key& key = *schema.find(each.key);
        if (!is_read_by(command, key) || is_set_by_flag(command, each.key)) {
            continue;
        }
        const char* const text = look_up(each.name.c_str());
        if (text == nullptr || *text == '\0') {
            continue;
        }
        if (is_of_container_platform(each, text)) {
            ignored.push_back(fmt::format("{}={}", each.name, text));
            continue;
        }
        if (const auto done = config::set_text(into, key, text); !done) {
            return fail(errc::invalid, fmt::format("{}: {}", each.name, done.error().text));
        }
    }
    if (!ignored.empty()) {
        into.warnings.push_back(warning_of_platform(ignored));
    }
    return {};
}

void fix(const configuration& running, const config_schema& schema) {
    for (const config_key& key : schema.keys()) {
        if (is_passed_to_successors(key)) {
            const auto text = key.get(running).text();
            // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
            setenv(fixed_variable(key.name).c_str(), text.c_str(), 1);
        }
    }
}

void apply_fixed(
    configuration& into,
    const config_schema& schema,
    const environment_lookup& look_up
) {
    for (const config_key& key : schema.keys()) {
        if (!is_passed_to_successors(key)) {
            continue;
        }
        if (const char* const text = look_up(fixed_variable(key.name).c_str())) {
            // The value was valid in the configuration of the first process.
            [[maybe_unused]] const auto done = key.put(into, std::string{text});
        }
    }
}

std::string describe_environment(std::span<const role_facts> roles) {
    std::string text = "\nEnvironment, and the key of the configuration file that it sets:\n";
    const auto add = [&text](std::string_view name, std::string_view what) {
        text += fmt::format("  {:24} {}\n", name, what);
    };
    add(config_file_variable, "(the file itself)");
    for (const auto& [name, key] : general) {
        add(name, key);
    }
    add(registry_secret_variable, "(the cluster secret)");
    add(store_password_variable, "(the password of the store)");
    add(cache_password_variable, "(the password of the cache's Redis)");
    add(other_password_variable, "(the password of the other store of import and compare)");
    add("MSD_PORT", "port of the role, when one role is started");
    add("MSD_WORKERS", "workers of every role except distributor and admin");
    for (const role_facts& role : roles) {
        const std::string prefix = "MSD_" + upper(role.name);
        add(prefix + "_PORT", role.section() + ".port");
        if (role.kind == role_kind::admin) {
            add(prefix + "_ENABLED", role.section() + ".enabled");
        }
        if (!role.is_single()) {
            add(prefix + "_WORKERS", role.section() + ".workers");
        }
    }
    return text;
}

} // namespace msd::app
