// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.hpp"

#include "app/environment.hpp"
#include "app/suggestion.hpp"
#include "base/version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

constexpr std::string_view exit_codes = "\nExit codes:\n"
                                        "  0 done   1 failed   2 wrong command line\n"
                                        "  70 a worker never got ready   78 wrong configuration\n";

// A flag that sets a key: what it is called without dashes, and what was typed.
struct flag {
    std::string name;
    std::string key; // empty: depends on the service's name
    std::string text;
    CLI::Option* option = nullptr;
};

class reader {
public:
    explicit reader(std::span<const role_facts> roles) : roles_{roles} {
        root_.require_subcommand(1);
        root_.set_version_flag(
            "--version",
            fmt::format("msd {}\n{}", version(), build_facts()),
            "version and build"
        );
        root_.footer(
            "\nExamples:\n"
            "  msd up                             everything on this machine, until Ctrl-C\n"
            "  msd service goods --port 9011      one more instance of goods\n"
            "  msd call GET /goods id=1           ask a service, past the gateway\n"
            "  msd COMMAND --help                 more about one command\n"
            "\nA flag wins over the environment, that over the file, that over the default.\n" +
            describe_environment(roles) + std::string{exit_codes}
        );
        add_up();
        add_roles();
        add_tables();
        add_call();
        add_rest();
    }

    parsed_command_line read(std::vector<std::string> arguments) {
        std::reverse(arguments.begin(), arguments.end()); // as CLI11 takes them
        try {
            root_.parse(std::move(arguments));
        } catch (const CLI::ParseError& stopped) {
            return explain(stopped);
        }
        chosen_ = root_.get_subcommands().front();
        line_.what = verbs_.at(chosen_);
        if (auto wrong = check_service(); !wrong.empty()) {
            return misuse(wrong);
        }
        collect_settings();
        return {line_, 0, {}};
    }

private:
    CLI::App& add_command(verb what, const char* name, const char* text, const char* examples) {
        CLI::App* const command = root_.add_subcommand(name, text);
        command->footer(fmt::format("\nExamples:\n{}", examples));
        verbs_[command] = what;
        return *command;
    }

    void add_flag(CLI::App& to, std::string name, std::string key, const std::string& text) {
        auto& list = flags_[&to];
        list.push_back(std::make_unique<flag>(flag{std::move(name), std::move(key), {}, nullptr}));
        flag& made = *list.back();
        made.option = to.add_option("--" + made.name, made.text, text);
    }

    void add_common(CLI::App& to) {
        to.add_option("-c,--config", line_.config_file, "configuration file (TOML)");
        add_flag(to, "data-dir", "data_dir", "where services keep their data (./msd-data)");
        add_flag(to, "runtime-dir", "runtime_dir", "where pid file and control socket go");
        add_flag(to, "log-level", "log.level", "trace, debug, info, warning, error or off");
        add_flag(to, "log-format", "log.format", "text or json");
        add_flag(to, "log-file", "log.file", "log to this file, not to standard error");
    }

    void add_distributor_flag(CLI::App& to) {
        add_flag(to, "distributor", "registry.distributor", "HOST:PORT (127.0.0.1:9000)");
    }

    void add_up() {
        CLI::App& up = add_command(
            verb::up,
            "up",
            "run everything on this machine",
            "  msd up\n"
            "  msd up --gateway-port 8080 --data-dir /srv/msd\n"
            "  msd up --host 0.0.0.0 --workers 2\n"
        );
        add_common(up);
        add_flag(up, "host", "host", "address to listen on (127.0.0.1 and [::1])");
        // One flag for all pools first: a later one, for one pool, wins.
        add_flag(up, "workers", "", "worker processes of each pool but the distributor");
        for (const role_facts& role : roles_) {
            const std::string name{role.name};
            add_flag(
                up,
                name + "-port",
                role.section() + ".port",
                fmt::format("port of {} ({}); 0: any free one", name, role.default_port)
            );
            if (role.kind != role_kind::distributor) {
                add_flag(
                    up,
                    name + "-workers",
                    role.section() + ".workers",
                    "worker processes of " + name
                );
            }
        }
    }

    void add_node_flags(CLI::App& to, const std::string& section) {
        const auto key = [&section](const char* name) {
            return section.empty() ? std::string{} : section + name;
        };
        add_flag(to, "host", "host", "address to listen on (127.0.0.1 and [::1])");
        add_flag(to, "port", key(".port"), "port to listen on; 0: any free one");
        add_flag(to, "workers", key(".workers"), "worker processes (one per core)");
    }

    void add_roles() {
        CLI::App& distributor = add_command(
            verb::distributor,
            "distributor",
            "run the registry of all nodes",
            "  msd distributor\n  msd distributor --host 0.0.0.0 --port 9000\n"
        );
        add_common(distributor);
        add_node_flags(distributor, "distributor");
        CLI::App& gateway = add_command(
            verb::gateway,
            "gateway",
            "run the HTTP front",
            "  msd gateway\n  msd gateway --port 80 --distributor 10.0.0.5:9000\n"
        );
        CLI::App& service = add_command(
            verb::service,
            "service",
            "run one service",
            "  msd service goods\n  msd service goods --port 9011 --advertise 10.0.0.7\n"
        );
        service.add_option("NAME", line_.service, "one of " + service_names())->required();
        add_common(gateway);
        add_common(service);
        add_node_flags(gateway, "gateway");
        add_node_flags(service, "");
        for (CLI::App* const node : {&gateway, &service}) {
            add_distributor_flag(*node);
            add_flag(
                *node,
                "advertise",
                "registry.advertise",
                "HOST[:PORT] for others to connect to"
            );
        }
    }

    void add_tables() {
        CLI::App& nodes = add_command(
            verb::nodes,
            "nodes",
            "list who is registered",
            "  msd nodes\n  msd nodes --json\n"
        );
        CLI::App& routes = add_command(
            verb::routes,
            "routes",
            "list which service answers what",
            "  msd routes\n  msd routes --distributor 10.0.0.5:9000\n"
        );
        CLI::App& status = add_command(
            verb::status,
            "status",
            "show masters and workers of this machine",
            "  msd status\n  msd status -i up-8000 --json\n"
        );
        for (CLI::App* const table : {&nodes, &routes, &status}) {
            add_common(*table);
            table->add_flag("--json", line_.as_json, "for programs");
        }
        add_distributor_flag(nodes);
        add_distributor_flag(routes);
        status.add_option("-i,--instance", line_.instance, "only this one, e.g. gateway-8000");
    }

    void add_call() {
        CLI::App& call = add_command(
            verb::call,
            "call",
            "send one request to a service and print its reply",
            "  msd call GET /goods\n"
            "  msd call POST /goods name=pencil category=office price=1.50 description=red\n"
            "  msd call GET /goods '{\"id\":1}' --timeout 1000\n"
            "\nThe exit code is 0 when the reply's errorcode is 0.\n"
        );
        call.add_option("METHOD", line_.method, "GET, POST, …")->required();
        call.add_option("URI", line_.uri, "/goods")->required();
        call.add_option("PARAMS", line_.arguments, "name=value …, or one JSON object");
        call.add_option("--timeout", line_.timeout_ms, "milliseconds until it fails (5000)")
            ->check(CLI::Range(1, 3'600'000));
        add_common(call);
        add_distributor_flag(call);
    }

    void add_rest() {
        CLI::App& check = add_command(
            verb::check,
            "check",
            "look for mistakes in a configuration file",
            "  msd check /etc/msd/msd.toml\n"
        );
        check.add_option("FILE", line_.file, "configuration file")->required();
        add_command(verb::version, "version", "print version and build", "  msd version\n");
    }

    [[nodiscard]] std::string service_names() const {
        std::string names;
        for (const role_facts& role : roles_) {
            if (role.kind == role_kind::service) {
                names += (names.empty() ? "" : ", ") + std::string{role.name};
            }
        }
        return names;
    }

    // Empty when there is nothing to complain about.
    [[nodiscard]] std::string check_service() const {
        if (line_.what != verb::service) {
            return {};
        }
        std::vector<std::string_view> names;
        for (const role_facts& role : roles_) {
            if (role.kind == role_kind::service) {
                names.push_back(role.name);
            }
        }
        if (std::find(names.begin(), names.end(), line_.service) != names.end()) {
            return {};
        }
        const std::string_view meant = closest(line_.service, names);
        return fmt::format(
            "there is no service \"{}\"; {}",
            line_.service,
            meant.empty() ? "there are " + service_names() : fmt::format("did you mean {}?", meant)
        );
    }

    void collect_settings() {
        for (const auto& each : flags_[chosen_]) {
            if (each->option->count() == 0) {
                continue;
            }
            const std::string shown = "--" + each->name;
            if (!each->key.empty()) {
                line_.settings.push_back({each->key, each->text, shown});
            } else if (line_.what == verb::service) {
                const role_facts* const role = find_role(roles_, line_.service);
                line_.settings.push_back({role->section() + "." + each->name, each->text, shown});
            } else {
                add_to_every_pool(*each, shown);
            }
        }
    }

    void add_to_every_pool(const flag& each, const std::string& shown) {
        for (const role_facts& role : roles_) {
            if (role.kind != role_kind::distributor) {
                line_.settings.push_back({role.section() + "." + each.name, each.text, shown});
            }
        }
    }

    // --help and --version arrive as exceptions too.
    parsed_command_line explain(const CLI::ParseError& stopped) {
        const auto selected = root_.get_subcommands();
        chosen_ = selected.empty() ? &root_ : selected.front();
        if (stopped.get_name() == "CallForHelp" || stopped.get_name() == "CallForAllHelp") {
            return {std::nullopt, 0, chosen_->help()};
        }
        if (stopped.get_exit_code() == 0) {
            return {std::nullopt, 0, fmt::format("{}\n", stopped.what())};
        }
        if (!root_.remaining(true).empty()) {
            return misuse(explain_extra());
        }
        if (selected.empty()) {
            return misuse("say what to do, for example: msd up");
        }
        return misuse(stopped.what());
    }

    [[nodiscard]] std::string explain_extra() const {
        // What follows an unknown option is left over too: the option is what is wrong.
        const std::vector<std::string> left = root_.remaining(true);
        const auto option = std::find_if(left.begin(), left.end(), [](const std::string& each) {
            return each.starts_with('-');
        });
        const std::string& typed = option == left.end() ? left.front() : *option;
        const std::string name = typed.substr(0, typed.find('='));
        std::vector<std::string> known;
        for (const CLI::Option* each : std::as_const(*chosen_).get_options()) {
            if (!each->get_lnames().empty()) {
                known.push_back("--" + each->get_lnames().front());
            }
        }
        if (chosen_ == &root_) {
            for (const auto& [command, what] : verbs_) {
                known.push_back(command->get_name());
            }
        }
        const std::vector<std::string_view> candidates{known.begin(), known.end()};
        const std::string_view meant = closest(name, candidates);
        return fmt::format(
            "{} \"{}\"{}",
            name.starts_with("-") ? "unknown option"
            : chosen_ == &root_   ? "unknown command"
                                  : "unexpected argument",
            name,
            meant.empty() ? "" : fmt::format("; did you mean {}?", meant)
        );
    }

    [[nodiscard]] parsed_command_line misuse(std::string_view what) const {
        const std::string command =
            chosen_ == nullptr || chosen_ == &root_ ? "msd" : "msd " + chosen_->get_name();
        return {std::nullopt, exit_usage, fmt::format("{0}: {1}\nSee {0} --help\n", command, what)};
    }

    std::span<const role_facts> roles_;
    CLI::App root_{"msd, the microservice daemon", "msd"};
    command_line line_;
    std::map<const CLI::App*, verb> verbs_;
    std::map<const CLI::App*, std::vector<std::unique_ptr<flag>>> flags_;
    CLI::App* chosen_ = nullptr;
};

} // namespace

parsed_command_line
parse_command_line(std::vector<std::string> arguments, std::span<const role_facts> roles) {
    reader read{roles};
    return read.read(std::move(arguments));
}

} // namespace msd::app
