// SPDX-License-Identifier: Apache-2.0
#include "app/instance.hpp"

#include "app/config_schema.hpp"
#include "app/environment.hpp"
#include "app/key_readers.hpp"
#include "app/resolve.hpp"
#include "app/secret.hpp"
#include "base/line_writer.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "process/limits.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace msd::app {

std::vector<role_facts> roles_of(const command_line& command, std::span<const role_facts> roles) {
    if (command.what == verb::up) {
        return {roles.begin(), roles.end()};
    }
    const std::string_view name = command.what == verb::distributor ? "distributor"
                                  : command.what == verb::gateway
                                      ? "gateway"
                                      : std::string_view{command.service};
    std::vector<role_facts> all{*find_role(roles, name)};
    std::ranges::copy_if(roles, std::back_inserter(all), [](const role_facts& each) {
        return each.kind == role_kind::admin;
    });
    return all;
}

bool has_admin(const command_line& command, const configuration& configured) {
    const admin_choice& chosen = configured.admin;
    return chosen.is_enabled && (command.what == verb::up || chosen.is_port_set);
}

int workers_of(const role_facts& role, const configuration& configured, bool all_on_one_machine) {
    const role_choice& chosen = configured.roles.find(role.name)->second;
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    return chosen.workers != 0 ? chosen.workers
                               : default_workers(role.kind, all_on_one_machine, cores);
}

process::pool_settings pool_of(const role_facts& role) {
    process::pool_settings pool;
    pool.name = role.name;
    pool.stop_rank = role.stop_rank;
    if (role.kind == role_kind::distributor) {
        pool.workers_max = 1;   // the registry's state is in one process,
        pool.hands_over = true; // which hands it to its successor in a roll
    } else if (role.is_single()) {
        pool.workers_max = 1;
    }
    return pool;
}

std::string local_host(std::string_view host) {
    if (host == "0.0.0.0") {
        return "127.0.0.1";
    }
    return host == "::" ? "::1" : std::string{host};
}

result<void> configure_log(const configuration& configured) {
    log::settings logging = configured.log;
    logging.role = "master";
    return log::configure(logging);
}

int default_workers(role_kind kind, bool all_on_one_machine, int cores) {
    constexpr int service_workers_of_up = 2;
    switch (kind) {
    case role_kind::distributor:
    case role_kind::admin:
        return 1;
    case role_kind::gateway:
        return cores;
    case role_kind::service:
        return all_on_one_machine ? std::min(service_workers_of_up, cores) : cores;
    }
    return 1;
}

namespace {

// Does not block, as logging does not.
void print_line(const std::string& line) {
    if (const int why = line_writer{STDOUT_FILENO}.write(line); why != 0) {
        log::warning(
            "cannot write to standard output: {}: {}",
            std::string_view{line}.substr(0, line.find('\n')),
            std::generic_category().message(why)
        );
    }
}

void print_ready(const process::worker_pool& ready) {
    print_line(fmt::format(
        "READY {} {}\n",
        ready.name(),
        process::endpoint_text(ready.host(), ready.port())
    ));
}

std::string
what_to_try(const configuration& configured, const std::vector<process::pool_settings>& pools) {
    const auto gateway = std::find_if(pools.begin(), pools.end(), [](const auto& each) {
        return each.name == "gateway";
    });
    const std::string front =
        process::endpoint_text(local_host(gateway->listeners.host), gateway->listeners.port);
    return fmt::format(
        "msd {} is up, its data in {}\n"
        "  try:  curl http://{}/goods\n"
        "  stop: Ctrl-C\n",
        version(),
        configured.data_dir.native(),
        front
    );
}

// The keys whose values differ, sorted by whether a reload can apply them.
struct changes {
    std::vector<std::string> applied;
    std::vector<std::string> need_restart;
    std::set<std::string, std::less<>> pools;      // their workers read one of `applied`,
    std::set<std::string, std::less<>> pools_live; // or only those that they apply while they serve
};

changes compare(
    const command_line& command,
    std::span<const role_facts> roles,
    const configuration& a,
    const configuration& b
) {
    changes found;
    const std::vector<role_facts> running = roles_of(command, roles);
    const config_schema schema{roles};
    for (const config_key& key : schema.keys()) {
        if (!is_read_by(command, key) || key.is_same(a, b)) {
            continue;
        }
        if (key.needs_restart) {
            found.need_restart.push_back(key.name);
            continue;
        }
        found.applied.push_back(key.name);
        for (const role_facts& role : running) {
            if (is_read_by_workers(command, role, key)) {
                (key.live ? found.pools_live : found.pools).emplace(role.name);
            }
        }
    }
    return found;
}

// The file that the key `name` names has other contents.
void add_content_of(
    std::string_view name,
    const command_line& command,
    std::span<const role_facts> roles,
    changes& to
) {
    const config_schema schema{roles};
    to.applied.push_back(fmt::format("the content of {}", name));
    for (const role_facts& role : roles_of(command, roles)) {
        if (is_read_by_workers(command, role, *schema.find(name))) {
            to.pools.emplace(role.name);
        }
    }
}

// The end of a reload: either `read` becomes the current configuration of the instance, or what was
// applied while it was read is undone.
std::function<void(bool)> settlement(
    const std::shared_ptr<configuration>& current,
    const std::shared_ptr<configuration>& read
) {
    return [current, read](bool in_effect) {
        if (in_effect) {
            *current = *read;
            return;
        }
        if (const auto logging = configure_log(*current); !logging) {
            log::error("{}", logging.error().text);
        }
        process::allow_core_dumps(current->core_dumps);
    };
}

std::map<std::string, int> changed_workers(
    const command_line& command,
    std::span<const role_facts> roles,
    const configuration& before,
    const configuration& after
) {
    std::map<std::string, int> changed;
    for (const role_facts& role : roles_of(command, roles)) {
        const bool same = after.roles.find(role.name)->second.workers ==
                          before.roles.find(role.name)->second.workers;
        if (!same && !role.is_single()) {
            changed[std::string{role.name}] = workers_of(role, after, command.what == verb::up);
        }
    }
    return changed;
}

// A reload. `current` is the configuration of the instance; the new one replaces it when it takes
// effect.
result<process::reconfiguration> reconfigure(
    const command_line& command,
    std::span<const role_facts> roles,
    const std::shared_ptr<configuration>& current
) {
    const configuration& before = *current;
    auto read = resolve(command, roles, process_environment);
    if (!read) {
        return fail(errc::invalid, read.error().text);
    }
    // Workers refuse to start without a password that is configured.
    configuration with_passwords = *read;
    if (const auto readable = take_passwords(with_passwords, process_environment); !readable) {
        return tl::unexpected{readable.error()};
    }
    if (const auto logging = configure_log(*read); !logging) {
        return tl::unexpected{logging.error()};
    }
    process::allow_core_dumps(read->core_dumps);
    const config_schema schema{roles};
    changes found = compare(command, roles, before, *read);
    read->secrets_digest = digest_of_secrets(with_passwords);
    if (read->secrets_digest != before.secrets_digest) {
        add_content_of("registry.secret_file", command, roles, found);
        if (!read->secrets_digest || !before.secrets_digest) {
            log::warning(
                "the first cluster secret was set, or the last one was removed: nodes with and "
                "without a secret refuse each other until all of them have reloaded"
            );
        }
    }
    if (!found.need_restart.empty()) {
        log::warning("needs a restart to take effect: {}", fmt::join(found.need_restart, ", "));
    }
    for (const std::string& name : found.need_restart) {
        const config_key& key = *schema.find(name);
        if (auto kept = key.copy(*read, before); !kept) {
            return tl::unexpected{std::move(kept.error())};
        }
    }
    log::info(
        "configuration read: {}",
        found.applied.empty() ? "nothing has changed"
                              : fmt::format("changed: {}", fmt::join(found.applied, ", "))
    );
    process::reconfiguration made;
    made.supervision = read->supervision;
    made.config = read->text;
    made.pools_affected = found.pools;
    made.pools_live = found.pools_live;
    for (const std::string& each : found.pools) {
        made.pools_live.erase(each); // their new workers start with all of it
    }
    made.workers = changed_workers(command, roles, before, *read);
    made.settle = settlement(current, std::make_shared<configuration>(std::move(*read)));
    return made;
}

} // namespace

process::master_settings master_settings_of(
    const command_line& command,
    const configuration& configured,
    const std::vector<process::pool_settings>& pools,
    std::span<const role_facts> roles
) {
    process::master_settings settings;
    settings.supervision = configured.supervision;
    settings.config = configured.text;
    const auto current = std::make_shared<configuration>(configured);
    settings.read_configuration = [command, roles, current] {
        return reconfigure(command, roles, current);
    };
    settings.on_pool_ready = print_ready;
    if (command.what == verb::up) {
        settings.on_all_ready = [text = what_to_try(configured, pools)] {
            print_line(text);
        };
    }
    return settings;
}

} // namespace msd::app
