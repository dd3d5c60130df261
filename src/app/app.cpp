// SPDX-License-Identifier: Apache-2.0
#include "app/app.hpp"

#include "app/command_line.hpp"
#include "app/environment.hpp"
#include "app/events_command.hpp"
#include "app/launch.hpp"
#include "app/migrate_command.hpp"
#include "app/per_service.hpp"
#include "app/resolve.hpp"
#include "app/resume.hpp"
#include "app/role_table.hpp"
#include "app/secret_command.hpp"
#include "app/terminal_commands.hpp"
#include "base/exception_text.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "process/inherited_worker.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

int refuse(const refusal& why) {
    log::write_error("msd: " + why.text); // a line for each wrong key of a file
    return why.exit_code;
}

int run_command(const command_line& command, const std::vector<std::string>& arguments) {
    const auto roles = all_roles();
    if (command.what == verb::check) {
        return check_file(command, roles);
    }
    if (command.what == verb::secret_new) {
        return make_secret(command);
    }
    if (command.what == verb::version) {
        fmt::print("msd {}\n{}\n", build_name(), build_facts());
        return 0;
    }
    const auto configured = resolve(command, roles, process_environment);
    if (!configured) {
        return refuse(configured.error());
    }
    switch (command.what) {
    case verb::nodes:
        return show_nodes(command, *configured);
    case verb::routes:
        return show_routes(command, *configured);
    case verb::status:
        return show_status(command, *configured);
    case verb::control:
        return control_instance(command, *configured);
    case verb::fault:
        return inject_fault(command, *configured);
    case verb::explain:
        return explain_request(command, *configured);
    case verb::top:
        return show_top(command, *configured);
    case verb::migrate:
        return run_on_store(command, *configured, migrate_stores);
    case verb::call:
        return call_service(command, *configured);
    case verb::events:
        return show_or_change_events(command, *configured);
    case verb::export_rows:
    case verb::import_rows:
        return run_on_store(command, *configured, transfer_rows);
    case verb::compare_rows:
        return run_on_store(command, *configured, compare_rows);
    default:
        return run_master(command, *configured, arguments, roles);
    }
}

int serve(const process::worker_description& own, const command_line& command) {
    const auto roles = all_roles();
    const auto configured = worker_configuration(command, roles, own.config);
    if (!configured) {
        process::report_fatal(own, configured.error().text);
        return configured.error().exit_code;
    }
    return run_worker(own, command, *configured, roles);
}

int run_checked(int argc, char** argv) {
    if (const auto code = resume()) {
        return *code;
    }
    const auto own = process::inherited_worker();
    if (!own) {
        log::complain(own.error().text);
        return exit_failed;
    }
    const std::vector<std::string> arguments{argv, argv + argc};
    const auto parsed = parse_command_line({argv + 1, argv + argc}, all_roles());
    if (!parsed.command) {
        if (parsed.exit_code != 0) {
            log::write_error(parsed.text);
        } else {
            std::fwrite(parsed.text.data(), 1, parsed.text.size(), stdout);
        }
        return parsed.exit_code;
    }
    const std::optional<process::worker_description>& worker = *own;
    return worker ? serve(*worker, *parsed.command) : run_command(*parsed.command, arguments);
}

} // namespace

int run(int argc, char** argv) {
    try {
        return run_checked(argc, argv);
    } catch (...) {
        log::complain("internal error: " + exception_text(std::current_exception()));
        return exit_internal;
    }
}

} // namespace msd::app
