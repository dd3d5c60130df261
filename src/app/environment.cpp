// SPDX-License-Identifier: Apache-2.0
#include "app/environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <variant>
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
    {"MSD_STORE", "store.url"},
    {"MSD_STORE_PASSWORD_FILE", "store.password_file"},
    {"MSD_CACHE", "cache.url"},
    {"MSD_CACHE_PASSWORD_FILE", "cache.password_file"},
};

// Texts that are fixed: workers are told of addresses and ports as sockets.
constexpr std::string_view fixed_texts[] = {"data_dir", "runtime_dir", "user", "group"};

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

// The role a command runs; empty for `up` and for commands that run none.
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

// In order of precedence: what is said for one role comes after what is said for any.
std::vector<variable>
variables_for(const command_line& command, std::span<const role_facts> roles) {
    std::vector<variable> all;
    for (const auto& [name, key] : general) {
        all.push_back({name, key});
    }
    const std::string_view running = role_of(command);
    for (const role_facts& role : roles) {
        if (role.name == running) {
            all.push_back({"MSD_PORT", role.section() + ".port"});
        }
        if (role.kind != role_kind::distributor) {
            all.push_back({"MSD_WORKERS", role.section() + ".workers"});
        }
    }
    for (const role_facts& role : roles) {
        const std::string prefix = "MSD_" + upper(role.name);
        all.push_back({prefix + "_PORT", role.section() + ".port"});
        if (role.kind != role_kind::distributor) {
            all.push_back({prefix + "_WORKERS", role.section() + ".workers"});
        }
    }
    return all;
}

} // namespace

result<void> apply_environment(
    configuration& into,
    const config_schema& schema,
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up
) {
    for (const variable& each : variables_for(command, roles)) {
        const char* const text = look_up(each.name.c_str());
        if (text == nullptr || *text == '\0') {
            continue;
        }
        const config_key* const key = schema.find(each.key);
        if (const auto done = config_schema::set_text(into, *key, text); !done) {
            return fail(errc::invalid, fmt::format("{}: {}", each.name, done.error().text));
        }
    }
    return {};
}

bool is_fixed(std::string_view key) {
    return std::ranges::count(fixed_texts, key) > 0 || key == "host" || key.ends_with(".port");
}

void fix(const configuration& running, const config_schema& schema) {
    for (const std::string_view key : fixed_texts) {
        const auto text = std::get<std::string>(schema.find(key)->get(running));
        // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
        setenv(fixed_variable(key).c_str(), text.c_str(), 1);
    }
}

void apply_fixed(
    configuration& into,
    const config_schema& schema,
    const environment_lookup& look_up
) {
    for (const std::string_view key : fixed_texts) {
        if (const char* const text = look_up(fixed_variable(key).c_str())) {
            // It was in a configuration before.
            [[maybe_unused]] const auto done = schema.find(key)->put(into, std::string{text});
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
    add(store_password_variable, "(the store's password)");
    add(cache_password_variable, "(the password of the cache's Redis)");
    add(other_password_variable, "(the password of what import and compare name)");
    add("MSD_PORT", "port of the one role that is started");
    add("MSD_WORKERS", "workers of every role but the distributor");
    for (const role_facts& role : roles) {
        const std::string prefix = "MSD_" + upper(role.name);
        add(prefix + "_PORT", role.section() + ".port");
        if (role.kind != role_kind::distributor) {
            add(prefix + "_WORKERS", role.section() + ".workers");
        }
    }
    return text;
}

} // namespace msd::app
