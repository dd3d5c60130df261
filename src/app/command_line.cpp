// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one function per command with its options and help text, as far as the command
// has no description of its own (command_description.hpp), and only one file may include CLI11.
#include "app/command_line.hpp"

#include "app/command_description.hpp"
#include "app/environment.hpp"
#include "base/version.hpp"
#include "config/suggestion.hpp"
#include "store/stored_services.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

namespace msd::app {

namespace {

constexpr std::string_view exit_codes =
    "\nExit codes:\n"
    "  0 success   1 failure   2 wrong command line\n"
    "  70 no worker of a role ever got ready, or an internal error\n"
    "  78 wrong configuration\n";

// Has "all" become the position 0.
CLI::Validator position_or_all() {
    const auto change = [](std::string& given) -> std::string {
        if (given == "all") {
            given = "0";
            return {};
        }
        return CLI::PositiveNumber(given).empty() ? "" : given + " is no position; or write all";
    };
    return CLI::Validator{change, "POSITION|all"};
}

// A flag that sets a key: its name without dashes, and the value on the command line.
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
            fmt::format("msd {}\n{}", build_name(), build_facts()),
            "version and build"
        );
        root_.footer(
            "\nExamples:\n"
            "  msd up                             run everything on this machine, until Ctrl-C\n"
            "  msd service goods --port 9011      run one more instance of goods\n"
            "  msd call GET /goods id=1           send a request to a service directly\n"
            "  msd COMMAND --help                 show options and examples of a command\n"
            "\nA flag overrides the environment, the environment overrides the file, the file "
            "overrides\n"
            "the default.\n" +
            describe_environment(roles) + std::string{exit_codes}
        );
        add_up();
        add_roles();
        add_tables();
        add_ctl();
        add_fault();
        add_described(describe_explain());
        add_described(describe_top());
        add_described(describe_call());
        add_transfers();
        add_events();
        add_rest();
    }

    parsed_command_line read(std::vector<std::string> arguments) {
        join_advertised_host(arguments);
        std::reverse(arguments.begin(), arguments.end()); // CLI11 expects the last one first
        try {
            root_.parse(std::move(arguments));
        } catch (const CLI::ParseError& stopped) {
            return explain(stopped);
        }
        chosen_ = selected();
        line_.what = verbs_.at(chosen_);
        line_.control = chosen_->get_name();
        remove_instance_label();
        if (auto wrong = check_service(); !wrong.empty()) {
            return misuse(wrong);
        }
        if (CLI::App* const above = chosen_->get_parent(); above != &root_) {
            collect_settings(*above);
        }
        collect_settings(*chosen_);
        return {line_, 0, {}};
    }

private:
    // Joins `--advertise -x` to `--advertise=-x`. No host begins with '-', and CLI11 would read
    // "-x" as an option and report that --advertise has no value. Joined, the value is refused with
    // the message for a wrong host.
    static void join_advertised_host(std::vector<std::string>& arguments) {
        for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
            const std::string& next = arguments[i + 1];
            if (arguments[i] == "--advertise" && next.starts_with('-') && !next.starts_with("--")) {
                arguments[i] += "=" + next;
                arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            }
        }
    }

    // "goods-2" means goods: the label distinguishes the units of one service on one host.
    void remove_instance_label() {
        const std::size_t dash = line_.service.find('-');
        if (line_.what != verb::service || dash == std::string::npos ||
            dash + 1 == line_.service.size() || is_service(line_.service)) {
            return;
        }
        if (is_service(line_.service.substr(0, dash))) {
            line_.service.resize(dash);
        }
    }

    [[nodiscard]] bool is_service(std::string_view name) const {
        const role_facts* const role = find_role(roles_, name);
        return role != nullptr && role->kind == role_kind::service;
    }

    CLI::App& add_command(verb what, const char* name, const char* text, const char* examples) {
        CLI::App* const command = root_.add_subcommand(name, text);
        command->footer(fmt::format("\nExamples:\n{}", examples));
        verbs_[command] = what;
        return *command;
    }

    // Creates the options of a command only when the command line names it. Workers start after
    // every crash and in every roll, and creating the options of all commands takes as long as the
    // rest of a start.
    static void when_named(CLI::App& command, std::function<void(CLI::App&)> add_options) {
        command.preparse_callback([&command, add = std::move(add_options)](std::size_t) {
            add(command);
        });
    }

    void add_flag(CLI::App& to, std::string name, std::string key, const std::string& text) {
        auto& list = flags_[&to];
        list.push_back(std::make_unique<flag>(flag{std::move(name), std::move(key), {}, nullptr}));
        flag& made = *list.back();
        made.option = to.add_option("--" + made.name, made.text, text)->take_last();
    }

    void add_common(CLI::App& to) {
        to.add_option("-c,--config", line_.config_file, "configuration file (TOML)")->take_last();
        add_flag(
            to,
            "data-dir",
            "data_dir",
            "directory of the services' data (default: ./msd-data)"
        );
        add_flag(
            to,
            "runtime-dir",
            "runtime_dir",
            "directory of the pid file and the control socket"
        );
    }

    void add_cache_flag(CLI::App& to) {
        add_flag(to, "cache", "cache.url", "redis://HOST:PORT, rediss for TLS (default: no Redis)");
    }

    void add_store_flag(CLI::App& to) {
        add_flag(
            to,
            "store",
            "store.url",
            "mysql://USER@HOST:PORT/DATABASE (default: SQLite files)"
        );
    }

    // For commands that run a role.
    void add_daemon_flags(CLI::App& to) {
        add_flag(to, "log-level", "log.level", "trace, debug, info, warning, error or off");
        add_flag(to, "log-format", "log.format", "text or json");
        add_flag(to, "log-file", "log.file", "file to log to; \"-\": standard error");
        add_flag(to, "user", "user", "user to switch to when started as root (default: stay root)");
        add_flag(
            to,
            "group",
            "group",
            "group to switch to with the user (default: the user's own)"
        );
    }

    void add_distributor_flag(CLI::App& to) {
        add_flag(
            to,
            "distributor",
            "registry.distributor",
            "HOST:PORT of the registry (default: 127.0.0.1:9000)"
        );
    }

    // For commands that connect to the registry or are the registry.
    void add_secret_flag(CLI::App& to) {
        add_flag(
            to,
            "secret-file",
            "registry.secret_file",
            "file with the cluster secret (default: none)"
        );
    }

    void add_up() {
        CLI::App& up = add_command(
            verb::up,
            "up",
            "run everything on this machine",
            "  msd up\n"
            "  msd up --gateway-port 8080 --data-dir /srv/msd\n"
            "  msd up --host 0.0.0.0 --advertise 10.0.0.2 --workers 2\n"
        );
        when_named(up, [this](CLI::App& named) { add_up_options(named); });
    }

    void add_route_option(CLI::App& to) {
        to.add_option(
              "--route",
              line_.routes,
              "PATH=ADDRESS,…: requests for PATH go to the HTTP programs at these addresses "
              "(HOST:PORT); a PATH that ends in / is a prefix; can be repeated"
        )
            ->allow_extra_args(false); // the next word is not a route
    }

    void add_up_options(CLI::App& up) {
        add_common(up);
        add_daemon_flags(up);
        add_store_flag(up);
        add_cache_flag(up);
        add_secret_flag(up);
        add_flag(up, "host", "host", "address to listen on (default: 127.0.0.1 and [::1])");
        add_flag(
            up,
            "advertise",
            "registry.advertise",
            "HOST under which other nodes connect to this one"
        );
        add_route_option(up);
        // The flag for all pools comes first, so that a flag for one pool overrides it.
        add_flag(up, "workers", "", "worker processes of each pool except distributor and admin");
        for (const role_facts& role : roles_) {
            const std::string name{role.name};
            add_flag(
                up,
                name + "-port",
                role.section() + ".port",
                fmt::format("port of {} (default: {}); 0: any free one", name, role.default_port)
            );
            if (!role.is_single()) {
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
        add_daemon_flags(to);
        add_secret_flag(to);
        add_flag(to, "host", "host", "address to listen on (default: 127.0.0.1 and [::1])");
        add_flag(to, "port", key(".port"), "port to listen on; 0: any free one");
        const bool is_registry = section == "distributor";
        const char* const workers = is_registry ? "(always 1)" : "(default: one per core)";
        add_flag(to, "workers", key(".workers"), fmt::format("worker processes {}", workers));
        add_flag(to, "admin-port", "admin.port", "port of /metrics and /readyz (default: none)");
    }

    void add_roles() {
        CLI::App& distributor = add_command(
            verb::distributor,
            "distributor",
            "run the registry of all nodes",
            "  msd distributor\n  msd distributor --host 0.0.0.0 --port 9000\n"
        );
        when_named(distributor, [this](CLI::App& named) {
            add_common(named);
            add_node_flags(named, "distributor");
        });
        CLI::App& gateway = add_command(
            verb::gateway,
            "gateway",
            "run the HTTP gateway",
            "  msd gateway\n"
            "  msd gateway --port 80 --distributor 10.0.0.5:9000\n"
            "  msd gateway --route /=127.0.0.1:3000 --route /api/=10.0.0.7:8081,10.0.0.8:8081\n"
        );
        when_named(gateway, [this](CLI::App& named) {
            add_common(named);
            add_node_flags(named, "gateway");
            add_member_flags(named);
            add_route_option(named);
        });
        CLI::App& service = add_command(
            verb::service,
            "service",
            "run one service",
            "  msd service goods\n  msd service goods-2 --port 9011 --advertise 10.0.0.7\n"
        );
        when_named(service, [this](CLI::App& named) {
            named
                .add_option(
                    "NAME",
                    line_.service,
                    "one of " + service_names() + ", optionally with a label: goods-2"
                )
                ->required();
            add_common(named);
            add_store_flag(named);
            add_cache_flag(named);
            add_node_flags(named, "");
            add_member_flags(named);
        });
    }

    void add_member_flags(CLI::App& to) {
        add_distributor_flag(to);
        add_flag(
            to,
            "advertise",
            "registry.advertise",
            "HOST[:PORT] under which other nodes connect to this one"
        );
    }

    void add_tables() {
        CLI::App& nodes = add_command(
            verb::nodes,
            "nodes",
            "list the registered nodes",
            "  msd nodes\n  msd nodes --json\n"
        );
        CLI::App& routes = add_command(
            verb::routes,
            "routes",
            "list the routes and the service that answers each",
            "  msd routes\n  msd routes --distributor 10.0.0.5:9000\n"
        );
        CLI::App& status = add_command(
            verb::status,
            "status",
            "show masters and workers of this machine",
            "  msd status\n  msd status -i up-8000 --json\n"
        );
        for (CLI::App* const table : {&nodes, &routes}) {
            const bool has_routes = table == &routes;
            when_named(*table, [this, has_routes](CLI::App& named) {
                add_table_options(named);
                add_distributor_flag(named);
                add_secret_flag(named);
                if (has_routes) {
                    add_route_option(named);
                }
            });
        }
        when_named(status, [this](CLI::App& named) {
            add_table_options(named);
            named
                .add_option(
                    "-i,--instance",
                    line_.instance,
                    "only this instance, e.g. gateway-8000"
                )
                ->take_last();
        });
    }

    void add_table_options(CLI::App& table) {
        add_common(table);
        table.add_flag("--json", line_.as_json, "print JSON");
    }

    // These options may stand before or after the command.
    void add_control_options(CLI::App& to) {
        to.add_option("-i,--instance", line_.instance, "name of the instance, e.g. gateway-8000")
            ->take_last();
        to.add_option("--pid", line_.master_pid, "process id of the master of the instance")
            ->check(CLI::PositiveNumber)
            ->take_last();
        to.add_flag("--json", line_.as_json, "print JSON");
        add_common(to);
    }

    // One command of `msd ctl`. The master knows it by the same `name`. `add_own` adds options that
    // only this command has.
    void add_control(
        CLI::App& ctl,
        const char* name,
        const char* text,
        const std::string& examples,
        std::function<void(CLI::App&)> add_own = {}
    ) {
        CLI::App* const command = ctl.add_subcommand(name, text);
        command->footer("\nExamples:\n" + examples);
        verbs_[command] = verb::control;
        when_named(*command, [this, add_own = std::move(add_own)](CLI::App& named) {
            add_control_options(named);
            if (add_own) {
                add_own(named);
            }
        });
    }

    void add_wait(CLI::App& to) {
        to.add_flag("--wait", line_.wait, "wait until it is done; exit code 1 if it fails");
    }

    void add_ctl() {
        CLI::App& ctl = *root_.add_subcommand("ctl", "control a running instance");
        ctl.require_subcommand(1);
        ctl.footer("\nExamples:\n"
                   "  msd ctl status\n"
                   "  msd ctl roll --wait                roll to the program now on the disk\n"
                   "  msd ctl -i up-8000 scale goods 4   name the instance when several run\n");
        when_named(ctl, [this](CLI::App& named) { add_controls(named); });
    }

    void add_controls(CLI::App& ctl) {
        add_control_options(ctl);
        add_control(ctl, "status", "show master and workers", "  msd ctl status --json\n");
        add_control(
            ctl,
            "roll",
            "replace the workers, one after the other, with the program now on the disk",
            "  msd ctl roll\n  msd ctl roll goods --wait\n",
            [this](CLI::App& roll) {
                roll.add_option("POOL", line_.pool, "only this pool");
                add_wait(roll);
            }
        );
        add_control(
            ctl,
            "scale",
            "change the number of workers of a pool",
            "  msd ctl scale goods 4 --wait\n",
            [this](CLI::App& scale) {
                scale.add_option("POOL", line_.pool, "name of the pool: goods, gateway, …")
                    ->required();
                scale.add_option("WORKERS", line_.workers, "number of workers")->required();
                add_wait(scale);
            }
        );
        add_control(
            ctl,
            "drain",
            "replace one worker: start a new one, then drain the old one",
            "  msd ctl drain goods/1\n",
            [this](CLI::App& drain) {
                drain.add_option("SLOT", line_.pool, "POOL/NUMBER, as msd status shows it")
                    ->required();
                add_wait(drain);
            }
        );
        const auto wait_only = [this](CLI::App& named) {
            add_wait(named);
        };
        add_control(
            ctl,
            "upgrade",
            "replace the master with the program now on the disk, in place: its pid, sockets and "
            "workers stay (roll replaces the workers)",
            "  msd ctl upgrade --wait && msd ctl roll --wait\n",
            wait_only
        );
        add_control(
            ctl,
            "reload",
            "read the configuration again, as the signal HUP does; a wrong configuration changes "
            "nothing, and the exit code is 1",
            "  msd ctl reload -i gateway-8000\n"
        );
        add_control(ctl, "reopen", "reopen log files", "  msd ctl reopen\n");
        add_control(
            ctl,
            "stop",
            "drain all workers, then exit",
            "  msd ctl stop --wait\n",
            wait_only
        );
    }

    // One command of `msd fault`.
    void add_fault_command(
        CLI::App& fault,
        const char* name,
        const char* text,
        const std::string& examples,
        std::function<void(CLI::App&)> add_own = {}
    ) {
        CLI::App* const command = fault.add_subcommand(name, text);
        command->footer("\nExamples:\n" + examples);
        verbs_[command] = verb::fault;
        when_named(*command, [this, add_own = std::move(add_own)](CLI::App& named) {
            add_control_options(named);
            if (add_own) {
                add_own(named);
            }
        });
    }

    void add_fault() {
        CLI::App& fault = *root_.add_subcommand(
            "fault",
            "inject faults into the requests for a service, for tests"
        );
        fault.require_subcommand(1);
        fault.footer("\nExamples:\n"
                     "  msd fault add goods --delay 200ms --percent 5 --for 60s\n"
                     "  msd fault list\n"
                     "  msd fault clear\n");
        when_named(fault, [this](CLI::App& named) {
            add_control_options(named);
            add_fault_commands(named);
        });
    }

    void add_fault_commands(CLI::App& fault) {
        add_fault_command(
            fault,
            "add",
            "inject one more fault; it ends by itself",
            "  msd fault add goods --delay 200ms --percent 5 --for 60s\n"
            "  msd fault add goods --endpoint 127.0.0.1:9010 --error 503 --percent 50\n"
            "  msd fault add members --abort --for 10s\n"
            "  msd fault add api --lose-after 1000\n",
            [this](CLI::App& add) {
                add.add_option("SERVICE", line_.fault.service, "service of the requests")
                    ->required();
                add.add_option(
                    "--endpoint",
                    line_.fault.endpoint,
                    "only requests to this instance, HOST:PORT"
                );
                add.add_option("--delay", line_.fault.delay, "time before the call, e.g. 200ms");
                add.add_option(
                       "--error",
                       line_.fault.error,
                       "reply with this status instead of the call: 400 to 599"
                )
                    ->check(CLI::Range(400, 599));
                add.add_flag(
                    "--abort",
                    line_.fault.aborts,
                    "break the connection to the instance instead of the call"
                );
                add.add_option(
                       "--lose-after",
                       line_.fault.lose_after,
                       "break it after so many bytes of the reply"
                )
                    ->check(CLI::NonNegativeNumber);
                add.add_option("--percent", line_.fault.percent, "share of the tries (100)")
                    ->check(CLI::Range(1, 100));
                add.add_option(
                    "--for",
                    line_.fault.lasts,
                    "how long, e.g. 60s (the default) or 5m"
                );
            }
        );
        add_fault_command(fault, "list", "show the faults", "  msd fault list --json\n");
        add_fault_command(
            fault,
            "clear",
            "end faults: all, those of a service, or one",
            "  msd fault clear\n  msd fault clear goods\n  msd fault clear --id 2\n",
            [this](CLI::App& clear) {
                clear.add_option("SERVICE", line_.fault.service, "only faults of this service");
                clear.add_option("--id", line_.fault.id, "only this fault")
                    ->check(CLI::PositiveNumber);
            }
        );
    }

    void add_described(const command_description& each) {
        CLI::App& made = add_command(each.what, each.name, each.text, each.examples);
        when_named(made, [this, each](CLI::App& named) {
            for (const option_description& option : each.options(line_)) {
                add_option(named, option);
            }
            add_common_of(named, each.has);
        });
    }

    static void add_option(CLI::App& to, const option_description& what) {
        CLI::Option* made = nullptr;
        if (bool* const* const flag = std::get_if<bool*>(&what.into)) {
            made = to.add_flag(what.names, **flag, what.text);
        } else if (std::string* const* const text = std::get_if<std::string*>(&what.into)) {
            made = to.add_option(what.names, **text, what.text)->take_last();
        } else if (std::int64_t* const* const number = std::get_if<std::int64_t*>(&what.into)) {
            made = to.add_option(what.names, **number, what.text)->take_last();
            made->check(CLI::Range(what.least, what.most));
        } else {
            made = to.add_option(
                what.names,
                *std::get<std::vector<std::string>*>(what.into),
                what.text
            );
            made->allow_extra_args(!what.names.starts_with('-'));
        }
        made->required(what.is_required);
    }

    void add_common_of(CLI::App& to, command_description::common which) {
        using enum command_description::common;
        if (which == instance) {
            add_control_options(to);
        } else if (which == registry) {
            add_common(to);
            add_distributor_flag(to);
            add_secret_flag(to);
        } else if (which == store) {
            to.add_flag("--json", line_.as_json, "print JSON");
            add_common(to);
            add_store_flag(to);
        }
    }

    void add_transfers() {
        CLI::App& out = add_command(
            verb::export_rows,
            "export",
            "write the rows of the services to files of JSON lines",
            "  msd export /var/backups/shop\n"
            "  msd export --store mysql://msd@db/msd --service goods shop\n"
            "\nAfter an interruption the same command continues where it ended.\n"
        );
        CLI::App& in = add_command(
            verb::import_rows,
            "import",
            "fill the store from an export or from another store, ids included",
            "  msd import /var/backups/shop --store mysql://msd@db/msd\n"
            "  MSD_OTHER_PASSWORD=… msd import mysql://micro@db/monolithic\n"
            "\nExisting rows are compared and never changed; a row that differs ends the import.\n"
            "The source is not changed.\n"
        );
        CLI::App& compare = add_command(
            verb::compare_rows,
            "compare",
            "compare every row of the store with an export or another store",
            "  msd compare /var/backups/shop\n"
            "  msd compare sqlite:/srv/msd --store mysql://msd@db/msd\n"
            "\nThe exit code is 0 when all rows are equal.\n"
        );
        when_named(out, [this](CLI::App& named) {
            add_transfer_options(
                named,
                "DIRECTORY",
                "directory for a file of each service, such as goods.jsonl"
            );
        });
        for (CLI::App* const from : {&in, &compare}) {
            when_named(*from, [this](CLI::App& named) {
                add_transfer_options(
                    named,
                    "OTHER",
                    "directory of an export, mysql://USER@HOST/DATABASE (its password from "
                    "MSD_OTHER_PASSWORD), or sqlite:DATA_DIR"
                );
            });
        }
    }

    void add_transfer_options(CLI::App& to, const char* place, const char* text) {
        to.add_option(place, line_.place, text)->required();
        const auto all = store::stored_services();
        to.add_option(
              "--service",
              line_.services,
              "only this service; can be repeated (default: all)"
        )
            ->check(CLI::IsMember(std::vector<std::string>{all.begin(), all.end()}))
            ->allow_extra_args(false); // the next word is not a service
        to.add_flag("--json", line_.as_json, "print JSON");
        add_common(to);
        add_store_flag(to);
    }

    // One command of `msd events`.
    void add_events_command(
        CLI::App& events,
        const char* name,
        const char* text,
        const std::string& examples,
        std::function<void(CLI::App&)> add_own = {}
    ) {
        CLI::App* const command = events.add_subcommand(name, text);
        command->footer("\nExamples:\n" + examples);
        verbs_[command] = verb::events;
        when_named(*command, [this, add_own = std::move(add_own)](CLI::App& named) {
            named.add_flag("--json", line_.as_json, "print JSON");
            add_common(named);
            if (add_own) {
                add_own(named);
            }
        });
    }

    void add_events() {
        CLI::App& events = *root_.add_subcommand(
            "events",
            "show the events of the service events, its consumer groups and their dead letters"
        );
        events.require_subcommand(1);
        events.footer(
            "\nExamples:\n"
            "  msd events topics\n"
            "  msd events tail purchased --follow\n"
            "  msd events replay goods\n"
            "\nThe commands open the data directory of the service events, which may run.\n"
        );
        when_named(events, [this](CLI::App& named) {
            add_events_queries(named);
            add_events_changes(named);
        });
    }

    void add_events_queries(CLI::App& events) {
        add_events_command(
            events,
            "topics",
            "list the topics with the number of their events",
            "  msd events topics --json\n"
        );
        add_events_command(
            events,
            "groups",
            "list the consumer groups and how far they are",
            "  msd events groups\n"
        );
        add_events_command(
            events,
            "tail",
            "show the last events",
            "  msd events tail\n"
            "  msd events tail purchased --limit 100 --json\n"
            "  msd events tail --after 0 --follow\n",
            [this](CLI::App& tail) {
                tail.add_option("TOPIC", line_.topic, "only events of this topic");
                tail.add_option("--after", line_.after, "the first events behind this position")
                    ->check(CLI::NonNegativeNumber);
                add_limit(tail, "most events that are shown (20)");
                tail.add_flag("--follow", line_.follows, "go on with new events until Ctrl-C");
            }
        );
        add_events_command(
            events,
            "dead",
            "list the dead letters: events that a group has failed to handle",
            "  msd events dead\n  msd events dead goods --json\n",
            [this](CLI::App& dead) {
                dead.add_option("GROUP", line_.group, "only dead letters of this group");
                add_limit(dead, "most dead letters that are shown (1000)");
            }
        );
    }

    void add_limit(CLI::App& to, const char* text) {
        to.add_option("--limit", line_.limit, text)->check(CLI::Range(1, 1000));
    }

    void add_events_changes(CLI::App& events) {
        add_events_command(
            events,
            "replay",
            "hand dead letters out to their group again",
            "  msd events replay goods\n  msd events replay goods 4711\n",
            [this](CLI::App& replay) {
                replay.add_option("GROUP", line_.group, "the group")->required();
                replay
                    .add_option("POSITION", line_.position, "only this dead letter (default: all)")
                    ->check(CLI::PositiveNumber);
            }
        );
        add_events_command(
            events,
            "discard",
            "remove dead letters; their group never gets the events again",
            "  msd events discard goods 4711\n  msd events discard goods all\n",
            [this](CLI::App& discard) {
                discard.add_option("GROUP", line_.group, "the group")->required();
                discard.add_option("POSITION", line_.position, "that of the dead letter, or all")
                    ->required()
                    ->transform(position_or_all());
            }
        );
        add_events_command(
            events,
            "rebuild",
            "have a group that allows it handle all events again, from the first one on",
            "  msd events rebuild members\n"
            "\nThe group removes what it has made of the events, and makes it again.\n",
            [this](CLI::App& rebuild) {
                rebuild.add_option("GROUP", line_.group, "the group")->required();
            }
        );
        add_events_command(
            events,
            "restored",
            "have all groups go on after events.db was replaced by an older copy",
            "  msd events restored\n"
            "\nGroups that allow it handle all events again, the others those since the copy.\n"
        );
    }

    void add_rest() {
        add_described(describe_check());
        add_described(describe_migrate());
        add_secret();
        add_command(verb::version, "version", "print version and build", "  msd version\n");
    }

    void add_secret() {
        CLI::App& secret = *root_.add_subcommand("secret", "make a cluster secret");
        secret.require_subcommand(1);
        secret.footer("\nExamples:\n  msd secret new /etc/msd/secret\n");
        CLI::App* const made = secret.add_subcommand(
            "new",
            "write a new cluster secret to a file, which must not exist"
        );
        made->footer(
            "\nExamples:\n"
            "  msd secret new /etc/msd/secret\n"
            "  sudo -u msd msd secret new /etc/msd/secret-2\n"
            "\nThe file belongs to the user who runs the command, and nobody else can read it. "
            "Every node,\n"
            "and msd nodes, routes and call, read it through registry.secret_file.\n"
        );
        verbs_[made] = verb::secret_new;
        when_named(*made, [this](CLI::App& named) {
            named.add_option("FILE", line_.file, "file to create")->required();
        });
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

    // Empty when the service exists.
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
        if (is_service(line_.service)) {
            return {};
        }
        const std::string_view meant = config::closest(line_.service, names);
        return fmt::format(
            "there is no service \"{}\"; {}",
            line_.service,
            meant.empty() ? "the services are " + service_names()
                          : fmt::format("did you mean {}?", meant)
        );
    }

    // In the order of the flags' definition; a later assignment to the same key wins.
    void collect_settings(const CLI::App& from) {
        for (const auto& each : flags_[&from]) {
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
            if (!role.is_single()) {
                line_.settings.push_back({role.section() + "." + each.name, each.text, shown});
            }
        }
    }

    // The innermost command that was named.
    [[nodiscard]] CLI::App* selected() {
        CLI::App* innermost = &root_;
        for (auto next = innermost->get_subcommands(); !next.empty();
             next = innermost->get_subcommands()) {
            innermost = next.front();
        }
        return innermost;
    }

    // CLI11 reports --help and --version as exceptions, too.
    parsed_command_line explain(const CLI::ParseError& stopped) {
        chosen_ = selected();
        if (stopped.get_name() == "CallForHelp" || stopped.get_name() == "CallForAllHelp") {
            return {std::nullopt, 0, chosen_->help(path_of(chosen_->get_parent()))};
        }
        if (stopped.get_exit_code() == 0) {
            return {std::nullopt, 0, fmt::format("{}\n", stopped.what())};
        }
        if (!root_.remaining(true).empty()) {
            return misuse(explain_extra());
        }
        if (!chosen_->get_subcommands({}).empty()) {
            return misuse(fmt::format(
                "a command is missing, for example: {}",
                chosen_ == &root_ ? "msd up" : "msd ctl status"
            ));
        }
        return misuse(stopped.what());
    }

    [[nodiscard]] std::string explain_extra() const {
        // Words after an unknown option remain, too; the message has to name the option.
        const std::vector<std::string> left = root_.remaining(true);
        const auto option = std::find_if(left.begin(), left.end(), [](const std::string& each) {
            return each.starts_with('-');
        });
        const std::string& typed = option == left.end() ? left.front() : *option;
        // The message omits the value: it may be a URL with a password.
        const std::string name = typed.substr(0, std::min(typed.find('='), typed.find("://")));
        std::vector<std::string> known;
        for (const CLI::Option* each : std::as_const(*chosen_).get_options()) {
            if (!each->get_lnames().empty()) {
                known.push_back("--" + each->get_lnames().front());
            }
        }
        const auto commands = std::as_const(*chosen_).get_subcommands({});
        for (const CLI::App* const command : commands) {
            known.push_back(command->get_name());
        }
        const std::vector<std::string_view> candidates{known.begin(), known.end()};
        const std::string_view meant = config::closest(name, candidates);
        return fmt::format(
            "{} \"{}\"{}",
            name.starts_with("-") ? "unknown option"
            : !commands.empty()   ? "unknown command"
                                  : "unexpected argument",
            name,
            meant.empty() ? "" : fmt::format("; did you mean {}?", meant)
        );
    }

    // "msd ctl roll"; empty for nullptr.
    [[nodiscard]] static std::string path_of(const CLI::App* command) {
        std::string path;
        for (; command != nullptr; command = command->get_parent()) {
            path.insert(0, command->get_name() + (path.empty() ? "" : " "));
        }
        return path;
    }

    [[nodiscard]] parsed_command_line misuse(std::string_view what) const {
        const std::string command = path_of(chosen_ == nullptr ? &root_ : chosen_);
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
