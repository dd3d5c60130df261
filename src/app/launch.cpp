// SPDX-License-Identifier: Apache-2.0
#include "app/launch.hpp"

#include "app/environment.hpp"
#include "app/resolve.hpp"
#include "app/runtime_files.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "process/listen_set.hpp"
#include "process/master.hpp"
#include "process/pid_file.hpp"
#include "process/signal_queue.hpp"
#include "roles/roles.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <thread>
#include <utility>

namespace msd::app {

namespace {

std::vector<role_facts> roles_of(const command_line& command, std::span<const role_facts> roles) {
    switch (command.what) {
    case verb::up:
        return {roles.begin(), roles.end()};
    case verb::distributor:
        return {*find_role(roles, "distributor")};
    case verb::gateway:
        return {*find_role(roles, "gateway")};
    default:
        return {*find_role(roles, command.service)};
    }
}

// Every port is bound before anything starts: a taken one leaves nothing behind.
result<std::vector<process::pool_settings>> bind_pools(
    const command_line& command,
    const configuration& configured,
    std::span<const role_facts> roles
) {
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    std::vector<process::pool_settings> pools;
    for (const role_facts& role : roles_of(command, roles)) {
        const role_choice& chosen = configured.roles.find(role.name)->second;
        auto listening = process::listen_on(configured.host, chosen.port);
        if (!listening) {
            listening.error().text = fmt::format("{}: {}", role.name, listening.error().text);
            return tl::unexpected{std::move(listening.error())};
        }
        process::pool_settings pool;
        pool.name = role.name;
        pool.workers = chosen.workers != 0
                           ? chosen.workers
                           : default_workers(role.kind, command.what == verb::up, cores);
        pool.stop_rank = role.stop_rank;
        pool.listeners = std::move(*listening);
        pools.push_back(std::move(pool));
    }
    return pools;
}

// Where programs on this machine reach what listens on `host`.
std::string local_host(std::string_view host) {
    if (host == "0.0.0.0") {
        return "127.0.0.1";
    }
    return host == "::" ? "::1" : std::string{host};
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

void say(const std::string& line) {
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout); // whoever waits for READY reads a pipe
}

void say_ready(const process::pool& ready) {
    say(fmt::format(
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

process::master_settings master_settings_of(
    const command_line& command,
    const configuration& configured,
    std::span<const role_facts> roles
) {
    process::master_settings settings;
    settings.supervision = configured.supervision;
    settings.check_configuration = [command, roles]() -> result<void> {
        const auto again = resolve(command, roles, process_environment);
        return again ? result<void>{} : fail(errc::invalid, again.error().text);
    };
    settings.on_pool_ready = say_ready;
    return settings;
}

int failed(const error& why) {
    fmt::print(stderr, "msd: {}\n", why.text);
    return why.code == errc::invalid ? exit_configuration : exit_failed;
}

roles::worker_environment
environment_of(const process::worker_description& own, const configuration& configured) {
    roles::worker_environment made;
    made.pool = own.pool;
    made.slot = own.slot;
    made.workers = own.workers;
    made.generation = own.generation;
    made.listeners = own.listeners;
    made.port = own.port;
    made.host = own.host;
    made.control = own.control;
    made.drain_timeout = configured.supervision.drain_timeout;
    return made;
}

} // namespace

int run_master(
    const command_line& command,
    const configuration& configured,
    const std::vector<std::string>& arguments,
    std::span<const role_facts> roles
) {
    process::signal_queue signals;
    log::settings logging = configured.log;
    logging.role = "master";
    log::configure(logging);
    auto pools = bind_pools(command, configured, roles);
    if (!pools) {
        return failed(pools.error());
    }
    const auto files =
        claim_runtime_files(configured, instance_name(command, *pools), command.what);
    if (!files) {
        return failed(files.error());
    }
    process::master_settings settings = master_settings_of(command, configured, roles);
    settings.command_line = arguments;
    settings.control_socket = files->control_socket;
    if (command.what == verb::up) {
        settings.on_all_ready = [text = what_to_try(configured, *pools)] {
            say(text);
        };
    }
    process::master master{std::move(settings), std::move(signals), std::move(*pools)};
    const auto code = master.run();
    return code ? *code : failed(code.error());
}

int run_worker(
    const process::worker_description& own,
    const configuration& configured,
    std::span<const role_facts> roles
) {
    log::settings logging = configured.log;
    logging.role = own.pool;
    logging.slot = own.slot;
    log::configure(logging);
    configuration adapted = configured;
    // Under `msd up` the registry is a pool of the same master, at a port that it may have found.
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
    roles::worker_environment environment = environment_of(own, adapted);
    switch (role->kind) {
    case role_kind::distributor:
        return roles::run_distributor(std::move(environment), distributor_of(adapted));
    case role_kind::gateway:
        return roles::run_gateway(std::move(environment), gateway_of(adapted));
    case role_kind::service:
        return roles::run_service(std::move(environment), service_of(adapted, own.pool));
    }
    return exit_internal;
}

int default_workers(role_kind kind, bool all_on_one_machine, int cores) {
    constexpr int service_workers_of_up = 2;
    switch (kind) {
    case role_kind::distributor:
        return 1;
    case role_kind::gateway:
        return cores;
    case role_kind::service:
        return all_on_one_machine ? std::min(service_workers_of_up, cores) : cores;
    }
    return 1;
}

} // namespace msd::app
