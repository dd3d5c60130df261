// SPDX-License-Identifier: Apache-2.0
#include "app/terminal_commands.hpp"

#include "app/call_arguments.hpp"
#include "app/known_nodes.hpp"
#include "app/output.hpp"
#include "app/registry_query.hpp"
#include "app/resolve.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "core/route_table.hpp"
#include "process/listen_set.hpp"
#include "wire/http_params.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

int complain(std::string_view what) {
    log::complain(what);
    return exit_failed;
}

// The name under which gateways register differs from the name of the role.
std::string shown_name(const core::node_info& node) {
    return node.id.name == core::gateway_name && node.urls.empty() ? "gateway" : node.id.name;
}

contradictions contradictions_known(
    const configuration& configured,
    const core::shared_secrets& secrets,
    deadline until
) {
    const auto& registry = configured.membership;
    return fetch_contradictions(
        registry.distributor_host,
        registry.distributor_port,
        secrets,
        until
    );
}

std::vector<contradiction> others_of(const core::node_info& node, const contradictions& all) {
    const auto found = all.find(node.id);
    return found == all.end() ? std::vector<contradiction>{} : found->second;
}

void write_others(json::writer& out, const std::vector<contradiction>& others) {
    out.key("contradicted_by").begin_array();
    for (const contradiction& other : others) {
        out.begin_object().key("peer").string(other.peer);
        out.key("routes").unsigned_integer(other.routes).end_object();
    }
    out.end_array();
}

std::string text_of(const std::vector<contradiction>& others) {
    std::string text;
    for (const contradiction& other : others) {
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", other.peer, other.routes);
    }
    return text;
}

void write_node(
    json::writer& out,
    const core::node_info& node,
    const std::vector<contradiction>& others
) {
    out.begin_object();
    out.key("name").string(shown_name(node));
    out.key("host").string(node.id.host);
    out.key("port").unsigned_integer(node.id.port);
    out.key("urls").begin_array();
    for (const std::string& url : node.urls) {
        out.string(url);
    }
    out.end_array();
    write_others(out, others);
    out.end_object();
}

int misuse(std::string_view what) {
    log::write_error(fmt::format("msd call: {}\nSee msd call --help\n", printable(what)));
    return exit_usage;
}

// Asks the first instance that accepts a connection. After that no other instance is asked: the
// request may have been executed.
result<std::string> ask_any(
    const known_nodes& known,
    std::string_view service,
    const packet_request& request,
    bool one_way,
    deadline until
) {
    result<std::string> reply =
        fail(errc::not_found, fmt::format("no node of {} is registered", service));
    for (const core::node_info& node : known.nodes) {
        if (node.id.name != service) {
            continue;
        }
        const request_target to{node, known.secrets};
        reply = one_way ? send_to_node(to, request, until) : ask_node(to, request, until);
        if (reply || reply.error().code != errc::unavailable) {
            break;
        }
    }
    return reply;
}

} // namespace

int show_nodes(const command_line& command, const configuration& configured) {
    const auto known = nodes_known(configured, deadline::in(registry_timeout));
    if (!known) {
        return complain(known.error().text);
    }
    const auto& nodes = known->nodes;
    const contradictions others =
        contradictions_known(configured, known->secrets, deadline::in(registry_timeout));
    if (command.as_json) {
        std::string text;
        json::writer out{text};
        out.begin_array();
        for (const core::node_info& node : nodes) {
            write_node(out, node, others_of(node, others));
        }
        out.end_array();
        print_json(text);
        return 0;
    }
    std::vector<std::string> titles{"NAME", "ADDRESS", "ROUTES"};
    if (!others.empty()) {
        titles.emplace_back("REGISTERED OTHERWISE BY (ROUTES)");
    }
    text_table table{titles};
    for (const core::node_info& node : nodes) {
        std::vector<std::string> row{
            shown_name(node),
            process::endpoint_text(node.id.host, node.id.port),
            std::to_string(node.urls.size())};
        if (!others.empty()) {
            row.push_back(text_of(others_of(node, others)));
        }
        table.add(std::move(row));
    }
    print_table(table);
    return 0;
}

int call_service(const command_line& command, const configuration& configured) {
    const deadline until = deadline::in(milliseconds{command.timeout_ms});
    const auto arguments = call_params(command.arguments);
    if (!arguments) {
        return misuse(arguments.error().text);
    }
    const auto known = nodes_known(configured, until);
    if (!known) {
        return complain(known.error().text);
    }
    const std::string_view uri = command.uri;
    const std::string_view path = uri.substr(0, uri.find('?'));
    const core::route_table routes{known->nodes};
    const auto match = routes.find(command.method, path);
    if (match.what != core::route_table::outcome::found) {
        return complain(fmt::format(
            "no service answers {} {}{}; see msd routes",
            command.method,
            path,
            match.allow.empty() ? "" : fmt::format(" (only {})", match.allow)
        ));
    }
    wire::http_input input;
    input.path_variables = match.variables;
    input.query = path.size() < uri.size() ? uri.substr(path.size() + 1) : "";
    input.body = *arguments;
    input.kind = wire::body_kind::json;
    auto params = wire::params_of(input);
    if (!params) {
        return misuse(params.error().text);
    }
    const packet_request request{match.target->method, match.target->pattern, std::move(*params)};
    const bool one_way = match.target->one_way;
    const auto reply = ask_any(*known, match.target->service, request, one_way, until);
    if (!reply) {
        return complain(reply.error().text);
    }
    if (one_way && reply->empty()) {
        return 0; // sent; there is no reply
    }
    print_reply(*reply);
    json::object fields;
    const bool parsed = fields.parse(*reply).has_value();
    const json::value* const code = parsed ? fields.find("errorcode") : nullptr;
    return code != nullptr && code->as_int64() == 0 ? 0 : exit_failed;
}

} // namespace msd::app
