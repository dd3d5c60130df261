// SPDX-License-Identifier: Apache-2.0
// msd routes: the routes of the configuration and those of the registry.
#include "app/known_nodes.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/terminal_commands.hpp"
#include "app/text_table.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "core/configured_routes.hpp"
#include "core/program_routes.hpp"
#include "core/route_table.hpp"
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

constexpr std::string_view every_method = "*";

// One line of the table.
struct shown_route {
    std::string method;
    std::vector<std::string> hosts;
    std::string path;
    std::string service; // or what the gateway answers itself
    std::vector<std::string> instances;
    std::vector<std::string> also_claimed_by;
    std::string source;
    core::request_limit limit;
    std::string counts;            // "client", "header:NAME", "route" or "all"
    bool is_answered_here = false; // redirect or respond
};

std::string limit_text(const shown_route& of) {
    if (!of.limit.is_on()) {
        return "-";
    }
    const auto& [rate, burst] = of.limit.settings;
    return fmt::format("{} + {} by {}", core::resilience::rate_text(rate), burst, of.counts);
}

std::string target_of(const core::route_settings& route) {
    if (route.redirect) {
        return fmt::format("redirect {} {}", route.redirect->status, route.redirect->location);
    }
    if (route.respond) {
        return fmt::format("respond {}", route.respond->status);
    }
    std::string text = route.service;
    for (const auto& [service, weight] : route.split) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", service, weight);
    }
    return text;
}

// Collects the routes from all sources.
class route_list {
public:
    route_list(const gateway::gateway_settings& settings, const std::vector<core::node_info>& nodes)
        : programs_{settings.programs},
          limit_{settings.limit},
          nodes_{nodes} {}

    void add_configured(const core::configured_routes& routes) {
        for (const core::compiled_route& each : routes.all()) {
            const core::route_settings& settings = each.settings;
            shown_route& made = shown_.emplace_back();
            made.method = settings.methods.empty()
                              ? std::string{every_method}
                              : fmt::format("{}", fmt::join(settings.methods, ","));
            made.hosts = settings.hosts;
            made.path = settings.path;
            made.service = target_of(settings);
            made.source = settings.source;
            set_limit(made, settings.limit);
            made.is_answered_here = settings.redirect || settings.respond;
            add_instances(made, settings.service);
            for (const auto& [service, weight] : settings.split) {
                add_instances(made, service);
            }
        }
    }

    void add_packets() {
        const core::route_table table{nodes_};
        for (const auto& route : table.routes()) {
            add_registered(route->method, route->pattern, route->service).also_claimed_by =
                table.also_claimed_by(*route);
        }
    }

    void add_programs() {
        core::program_routes table;
        for (const core::node_info& node : nodes_) {
            if (node.is_http()) {
                table.add(node);
            }
        }
        for (const auto& route : table.all()) {
            static_cast<void>(add_registered(std::string{every_method}, route->path, route->service)
            );
        }
    }

    [[nodiscard]] const std::vector<shown_route>& all() const { return shown_; }

private:
    shown_route& add_registered(std::string method, std::string path, const std::string& service) {
        shown_route& made = shown_.emplace_back();
        made.method = std::move(method);
        made.path = std::move(path);
        made.service = service;
        set_limit(made, {});
        add_instances(made, service);
        made.source = "registry";
        if (!made.instances.empty()) {
            made.source += fmt::format(" {}", made.instances.front());
        }
        if (made.instances.size() > 1) {
            made.source += fmt::format(" and {} more", made.instances.size() - 1);
        }
        return made;
    }

    void set_limit(shown_route& of, const std::optional<core::request_limit>& own) const {
        using core::request_limit;
        of.limit = own.value_or(limit_);
        of.counts = core::counting_text(
            of.limit,
            own ? request_limit::all_of_route : request_limit::all_of_gateway
        );
    }

    // The addresses that the configuration has for a service, then those of the registry.
    void add_instances(shown_route& to, std::string_view service) const {
        for (const core::upstream_program_settings& each : programs_) {
            if (each.name == service) {
                to.instances
                    .insert(to.instances.end(), each.addresses.begin(), each.addresses.end());
            }
        }
        for (const core::node_info& node : nodes_) {
            if (node.id.name == service) {
                to.instances.push_back(process::endpoint_text(node.id.host, node.id.port));
            }
        }
    }

    const std::vector<core::upstream_program_settings>& programs_;
    const core::request_limit& limit_; // of routes without a limit of their own
    const std::vector<core::node_info>& nodes_;
    std::vector<shown_route> shown_;
};

void write_strings(
    json::writer& out,
    std::string_view key,
    const std::vector<std::string>& strings
) {
    out.key(key).begin_array();
    for (const std::string& each : strings) {
        out.string(each);
    }
    out.end_array();
}

void write_limit(json::writer& out, const shown_route& of) {
    if (!of.limit.is_on()) {
        return;
    }
    out.key("limit").begin_object();
    out.key("rate").string(core::resilience::rate_text(of.limit.settings.allowed));
    out.key("burst").unsigned_integer(of.limit.settings.burst);
    out.key("key").string(of.counts);
    out.end_object();
}

void print_as_json(const std::vector<shown_route>& routes) {
    std::string text;
    json::writer out{text};
    out.begin_array();
    for (const shown_route& each : routes) {
        out.begin_object();
        out.key("method").string(each.method);
        write_strings(out, "hosts", each.hosts);
        out.key("path").string(each.path);
        out.key("service").string(each.service);
        out.key("instances").unsigned_integer(each.instances.size());
        write_strings(out, "addresses", each.instances);
        write_strings(out, "also_claimed_by", each.also_claimed_by);
        write_limit(out, each);
        out.key("source").string(each.source);
        out.end_object();
    }
    out.end_array();
    print_json(text);
}

void print_as_table(const std::vector<shown_route>& routes) {
    const auto any_has = [&routes](std::vector<std::string> shown_route::*list) {
        return std::any_of(routes.begin(), routes.end(), [list](const shown_route& each) {
            return !(each.*list).empty();
        });
    };
    const bool has_hosts = any_has(&shown_route::hosts);
    const bool has_limits =
        std::ranges::any_of(routes, [](const shown_route& each) { return each.limit.is_on(); });
    const bool has_contested = any_has(&shown_route::also_claimed_by);
    std::vector<std::string> titles{"METHOD", "PATH", "SERVICE", "INSTANCES"};
    if (has_hosts) {
        titles.insert(titles.begin() + 1, "HOSTS");
    }
    if (has_contested) {
        titles.emplace_back("ALSO CLAIMED BY");
    }
    if (has_limits) {
        titles.emplace_back("LIMIT");
    }
    titles.emplace_back("SOURCE");
    text_table table{titles};
    for (const shown_route& each : routes) {
        std::vector<std::string> row{
            each.method,
            each.path,
            each.service,
            each.is_answered_here ? "-" : std::to_string(each.instances.size())};
        if (has_hosts) {
            row.insert(row.begin() + 1, fmt::format("{}", fmt::join(each.hosts, ",")));
        }
        if (has_contested) {
            row.push_back(fmt::format("{}", fmt::join(each.also_claimed_by, ", ")));
        }
        if (has_limits) {
            row.push_back(limit_text(each));
        }
        row.push_back(each.source);
        table.add(std::move(row));
    }
    print_table(table);
}

} // namespace

// The routes of the configuration that this command was given, which are those that a gateway with
// the same configuration has after its next reload; no running gateway is asked.
int show_routes(const command_line& command, const configuration& configured) {
    const gateway::gateway_settings settings = gateway_of(configured);
    const auto compiled = core::configured_routes::compile(settings.routes);
    if (!compiled) {
        log::complain(compiled.error().text);
        return exit_failed;
    }
    auto known = nodes_known(configured, deadline::in(registry_timeout));
    if (!known) {
        log::complain(known.error().text);
        // Routes of the configuration need no registry.
        if ((*compiled)->empty()) {
            return exit_failed;
        }
        known = known_nodes{};
    }
    route_list list{settings, known->nodes};
    list.add_configured(**compiled);
    list.add_packets();
    list.add_programs();
    if (command.as_json) {
        print_as_json(list.all());
    } else {
        print_as_table(list.all());
    }
    return 0;
}

} // namespace msd::app
