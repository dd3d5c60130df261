// SPDX-License-Identifier: Apache-2.0
#include "app/launch.hpp"

#include "admin/run_admin.hpp"
#include "app/environment.hpp"
#include "app/exposure.hpp"
#include "app/giving_up_root.hpp"
#include "app/instance.hpp"
#include "app/live_settings.hpp"
#include "app/redis_limit_store.hpp"
#include "app/resolve.hpp"
#include "app/runtime_files.hpp"
#include "app/secret.hpp"
#include "base/log.hpp"
#include "base/standard_descriptors.hpp"
#include "gateway/run_gateway.hpp"
#include "host/run_service.hpp"
#include "process/inherited_worker.hpp"
#include "process/limits.hpp"
#include "process/listen_set.hpp"
#include "process/master.hpp"
#include "process/pid_file.hpp"
#include "process/privileges.hpp"
#include "process/service_manager.hpp"
#include "process/signal_queue.hpp"
#include "process/socket_activation.hpp"
#include "registry/run_distributor.hpp"
#include "upstream/programs.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

const std::string& host_of(const configuration& configured, std::string_view role) {
    return role == "admin" ? configured.admin.host : configured.host;
}

// Uses the sockets that an earlier master stored where they match the configuration. Others are
// shut down and removed from the store: they could prevent this master from binding its ports.
void use_stored(
    process::handed_sockets& handed,
    const configuration& configured,
    const std::vector<std::string>& pools
) {
    for (auto& [pool, sockets] : handed.stored) {
        std::optional<process::listen_set> usable;
        if (std::find(pools.begin(), pools.end(), pool) != pools.end() &&
            !handed.activated.contains(pool)) {
            const role_choice& chosen = configured.roles.find(pool)->second;
            usable = process::recognize(sockets, host_of(configured, pool), chosen.port);
        }
        if (usable) {
            handed.activated.emplace(pool, std::move(*usable));
        } else {
            process::silence(sockets);
            process::service_manager{}.forget(pool);
        }
    }
    handed.stored.clear();
}

// Nobody chose the port, so another program or instance that has it does not prevent the start.
bool may_be_missing(
    const role_facts& role,
    const configuration& configured,
    const result<process::listen_set>& listening
) {
    return role.kind == role_kind::admin && !configured.admin.is_port_set && !listening &&
           listening.error().code == errc::conflict;
}

// Binds every port before anything starts, so that nothing is left running when a port is taken. A
// socket that a service manager has bound for a pool replaces the configured port of the pool.
// Adds to the warnings of `configured`.
result<std::vector<process::pool_settings>> bind_pools(
    const command_line& command,
    configuration& configured,
    std::span<const role_facts> roles
) {
    std::vector<role_facts> wanted = roles_of(command, roles);
    if (!has_admin(command, configured)) {
        std::erase_if(wanted, [](const auto& each) { return each.kind == role_kind::admin; });
    }
    std::vector<std::string> names;
    names.reserve(wanted.size());
    for (const role_facts& role : wanted) {
        names.emplace_back(role.name);
    }
    auto handed = process::take_handed_sockets(names);
    if (!handed) {
        return tl::unexpected{std::move(handed.error())};
    }
    use_stored(*handed, configured, names);
    std::vector<process::pool_settings> pools;
    for (const role_facts& role : wanted) {
        const role_choice& chosen = configured.roles.find(role.name)->second;
        const auto given = handed->activated.find(role.name);
        auto listening = given != handed->activated.end()
                             ? result<process::listen_set>{std::move(given->second)}
                             : process::listen_on(host_of(configured, role.name), chosen.port);
        if (may_be_missing(role, configured, listening)) {
            configured.warnings.push_back(fmt::format(
                "there is no admin worker with /metrics: {}; set admin.port, or admin.enabled = "
                "false",
                listening.error().text
            ));
            continue;
        }
        if (!listening) {
            listening.error().text = fmt::format("{}: {}", role.name, listening.error().text);
            return tl::unexpected{std::move(listening.error())};
        }
        process::pool_settings pool = pool_of(role);
        pool.workers = workers_of(role, configured, command.what == verb::up);
        pool.listeners = std::move(*listening);
        pools.push_back(std::move(pool));
    }
    return pools;
}

std::string
instance_name(const command_line& command, const std::vector<process::pool_settings>& pools) {
    if (command.what != verb::up) {
        return fmt::format("{}-{}", pools.front().name, pools.front().listeners.port);
    }
    const auto gateway = std::find_if(pools.begin(), pools.end(), [](const auto& each) {
        return each.name == "gateway";
    });
    return fmt::format("up-{}", gateway->listeners.port);
}

int failed(const error& why) {
    log::complain(why.text);
    return why.code == errc::invalid ? exit_configuration : exit_failed;
}

node::worker_environment
environment_of(const process::worker_description& own, const configuration& configured) {
    node::worker_environment made;
    made.pool = own.pool;
    made.slot = own.slot;
    made.workers = own.workers;
    made.generation = own.generation;
    made.listeners = own.listeners;
    made.port = own.port;
    made.host = own.host;
    made.control = own.control;
    made.board = own.board;
    made.line = own.line;
    made.handover = own.handover;
    made.topology_file = topology_file_of(configured, own.pool, own.port);
    if (configured.membership.secrets) {
        made.topology_file += ".proven"; // a list of the time before the secret is not used
    }
    made.heartbeat_every = configured.supervision.heartbeat_every;
    made.drain_timeout = configured.supervision.drain_timeout;
    return made;
}

// For a file that a gateway applies while it serves.
gateway::settings_reader
gateway_reader(const command_line& command, std::span<const role_facts> roles) {
    return [command, roles](gateway::gateway_settings running, const unique_fd& file)
               -> result<gateway::gateway_settings> {
        return with_live_keys(std::move(running), command, roles, process_environment, file.get());
    };
}

// The same for the policies of a service's calls.
host::policies_reader
policies_reader_of(const command_line& command, std::span<const role_facts> roles) {
    return [command, roles](const unique_fd& file) -> result<core::resilience::service_policies> {
        const auto read = with_live_keys({}, command, roles, process_environment, file.get());
        return read
                   ? result<core::resilience::service_policies>{upstream::policies_of(read->programs
                     )}
                   : tl::unexpected{read.error()};
    };
}

// A node that listens on every address is registered with the address of its connection to the
// registry. When that is a loopback address, other hosts cannot reach the node.
void warn_of_loopback(const configuration& configured, verb what) {
    const std::string& registry = configured.membership.distributor_host;
    const bool is_near =
        what == verb::up || registry == "127.0.0.1" || registry == "::1" || registry == "localhost";
    const bool is_everywhere = configured.host == "0.0.0.0" || configured.host == "::";
    if (what != verb::distributor && is_everywhere && is_near &&
        configured.membership.advertise_host.empty()) {
        log::warning("other hosts cannot reach this node: the registry lists it under a loopback "
                     "address, because it connects to the registry over loopback; set "
                     "registry.advertise, or listen on the address of this host");
    }
}

void warn_of_no_secret(
    const configuration& configured,
    const std::vector<process::pool_settings>& pools
) {
    if (configured.membership.secrets) {
        return;
    }
    std::vector<packet_port> ports;
    for (const process::pool_settings& each : pools) {
        if (each.name != "gateway" && each.name != "admin") {
            ports.push_back({each.name, each.listeners.host});
        }
    }
    if (const std::string warning = warning_without_secret(ports); !warning.empty()) {
        log::warning("{}", warning);
    }
}

} // namespace

int run_master(
    const command_line& command,
    const configuration& configured,
    const std::vector<std::string>& arguments,
    std::span<const role_facts> roles
) {
    // Before the change of user: the new user may have no permission to open them.
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        make_standard_descriptor_nonblocking(stream);
    }
    process::signal_queue signals;
    const auto owner = process::find_identity(configured.user, configured.group);
    if (!owner) {
        return failed(owner.error());
    }
    process::raise_descriptor_limit();
    configuration with_passwords = configured;
    if (const auto readable = take_passwords(with_passwords, process_environment); !readable) {
        return failed(readable.error());
    }
    // Determined while this process is root: the default depends on the user.
    configuration placed = configured;
    auto pools = bind_pools(command, placed, roles);
    if (!pools) {
        return failed(pools.error());
    }
    placed.runtime_dir = runtime_dir_of(configured);
    fix(placed, config_schema{roles});
    if (const auto given_up = give_up_root(placed, command.what, *owner); !given_up) {
        return failed(given_up.error());
    }
    const auto files = claim_runtime_files(placed, instance_name(command, *pools), command.what);
    if (!files) {
        return failed(files.error());
    }
    if (const auto logging = configure_log(placed); !logging) {
        return failed(logging.error());
    }
    for (const std::string& each : placed.warnings) {
        log::warning("{}", each);
    }
    warn_of_root(placed);
    warn_of_loopback(placed, command.what);
    warn_of_no_secret(with_passwords, *pools);
    const topology_files kept{placed, *pools};
    configuration running = configured;
    running.secrets_digest = digest_of_secrets(with_passwords);
    process::master_settings settings = master_settings_of(command, running, *pools, roles);
    settings.command_line = arguments;
    settings.program_path = process::executable::path_of_running();
    settings.lock = &files->pid;
    settings.control_socket = files->control_socket;
    process::master master{std::move(settings), std::move(signals), std::move(*pools)};
    const auto code = master.run();
    return code ? *code : failed(code.error());
}

tl::expected<configuration, refusal> worker_configuration(
    const command_line& command,
    std::span<const role_facts> roles,
    int config_descriptor
) {
    auto configured = resolve(command, roles, process_environment, config_descriptor);
    if (configured) {
        apply_fixed(*configured, config_schema{roles}, process_environment);
    }
    return configured;
}

int run_worker(
    const process::worker_description& own,
    const command_line& command,
    const configuration& configured,
    std::span<const role_facts> roles
) {
    log::settings logging = configured.log;
    logging.role = own.pool;
    logging.slot = own.slot;
    if (const auto opened = log::configure(logging); !opened) {
        // The directory may have been removed since the master started. The worker runs without
        // its log file.
        logging.file.clear();
        log::configure(logging);
        log::error("{}; this worker logs to standard error", opened.error().text);
    }
    if (is_root_by_mistake(configured)) {
        process::report_fatal(own, "this worker is root, although a user is configured");
        return exit_configuration;
    }
    configuration adapted = configured;
    if (const auto taken = take_passwords(adapted, process_environment); !taken) {
        log::error("{}", taken.error().text);
        return exit_configuration;
    }
    // Under `msd up` the registry is a pool of the same master, and the kernel may choose its port.
    if (const auto registry = own.ports.find("distributor"); registry != own.ports.end()) {
        adapted.membership.distributor_host = local_host(own.host);
        adapted.membership.distributor_port = registry->second;
        adapted.membership.advertise_port = 0;
    }
    const role_facts* const role = find_role(roles, own.pool);
    if (role == nullptr) {
        log::error("this program has no role {}", own.pool);
        return exit_configuration;
    }
    node::worker_environment environment = environment_of(own, adapted);
    switch (role->kind) {
    case role_kind::distributor:
        return registry::run_distributor(std::move(environment), distributor_of(adapted));
    case role_kind::gateway:
        return gateway::run_gateway(
            std::move(environment),
            gateway_of(adapted),
            gateway_reader(command, roles),
            adapted.limits_in_redis ? redis_limits(adapted.service.cache)
                                    : gateway::limit_store_maker{}
        );
    case role_kind::service:
        return host::run_service(
            std::move(environment),
            service_of(adapted, own.pool),
            policies_reader_of(command, roles)
        );
    case role_kind::admin:
        return admin::run_admin(std::move(environment));
    }
    return exit_internal;
}

} // namespace msd::app
