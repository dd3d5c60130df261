// SPDX-License-Identifier: Apache-2.0
#include "app/migrate_command.hpp"

#include "app/data_owner.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/secret.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "store/migrate.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace msd::app {

namespace {

void write_steps(json::writer& out, std::string_view name, const std::vector<std::string>& steps) {
    out.key(name).begin_array();
    for (const std::string& step : steps) {
        out.string(step);
    }
    out.end_array();
}

std::string as_json(const std::vector<store::migration_report>& reports, bool made) {
    std::string text;
    json::writer out{text};
    out.begin_array();
    for (const auto& report : reports) {
        out.begin_object();
        out.key("service").string(report.service);
        out.key("found").integer(report.found);
        out.key("wanted").integer(report.wanted);
        out.key("adopts").boolean(report.adopts);
        out.key("made").boolean(made);
        write_steps(out, "steps", report.steps);
        // The state before this command: none, shared, finishing or finished.
        out.key("legacy_use").string(store::name_of(report.use));
        write_steps(out, "finishing", report.finishing);
        out.end_object();
    }
    out.end_array();
    return text;
}

std::string lines_of(const std::vector<std::string>& steps) {
    std::string text;
    for (const std::string& step : steps) {
        text += fmt::format("  {}\n", printable(step));
    }
    return text;
}

std::string as_text(const std::vector<store::migration_report>& reports, bool made) {
    std::string text;
    for (const auto& report : reports) {
        if (report.steps.empty()) {
            const bool finishes = !report.finishing.empty();
            const auto* const rest = finishes ? "" : ", nothing to do";
            text += fmt::format("{}: version {}{}\n", report.service, report.found, rest);
        } else {
            text += fmt::format(
                "{}: version {} {} {}{}\n",
                report.service,
                report.found,
                made ? "->" : "would become",
                report.wanted,
                report.adopts ? ", keeping the rows of an existing deployment" : ""
            );
        }
        text += lines_of(report.steps);
        if (!report.finishing.empty()) {
            text += made ? "  finished:\n" : "  would finish:\n";
            text += lines_of(report.finishing);
        } else if (report.use == store::legacy_use::shared) {
            text += "  shared with nodes of an existing deployment until msd migrate --finish\n";
        } else if (report.use == store::legacy_use::finishing) {
            text += "  finishing was interrupted: run msd migrate --finish again\n";
        }
    }
    return text;
}

} // namespace

int migrate_stores(const command_line& command, const configuration& configured) {
    auto password = store_password(configured, process_environment);
    if (!password) {
        log::complain(password.error().text);
        return exit_configuration;
    }
    if (const auto changed = become_owner_of_store(configured, !command.dry_run); !changed) {
        log::complain(changed.error().text);
        return changed.error().code == errc::invalid ? exit_configuration : exit_failed;
    }
    store::store_settings settings;
    settings.data_dir = configured.data_dir;
    settings.server = configured.service.store;
    settings.server.password = std::move(*password);
    const auto reports =
        store::migrate_all(settings, {command.dry_run, command.finish, command.services});
    if (!reports) {
        log::complain(fmt::format("store: {}", reports.error().text));
        return reports.error().code == errc::invalid ? exit_configuration : exit_failed;
    }
    const bool made = !command.dry_run;
    if (command.as_json) {
        print_json(as_json(*reports, made));
    } else {
        print_text(as_text(*reports, made));
    }
    return 0;
}

} // namespace msd::app
