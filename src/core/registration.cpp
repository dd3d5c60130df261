// SPDX-License-Identifier: Apache-2.0
#include "core/registration.hpp"

#include "core/advertised_host.hpp"
#include "core/node_share.hpp"
#include "core/route_settings_check.hpp"
#include "wire/http_char.hpp"
#include "wire/http_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

namespace msd::core {

namespace {

constexpr std::string_view mapped_prefix = "::ffff:";

tl::unexpected<error> unusable(std::string text) {
    return fail(errc::invalid, std::move(text));
}

bool is_printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return (c >= '\0' && c < ' ') || c == '\x7F';
    });
}

// A number, or a string of digits, which some nodes send; otherwise 0.
std::uint16_t read_port(const json::value* port) {
    if (port == nullptr) {
        return 0;
    }
    std::uint16_t number = 0;
    if (const auto digits = port->as_string()) {
        const char* const end = digits->data() + digits->size();
        const auto [stop, failure] = std::from_chars(digits->data(), end, number);
        return failure == std::errc{} && stop == end ? number : std::uint16_t{0};
    }
    const auto value = port->as_uint64().value_or(0);
    return value <= UINT16_MAX ? static_cast<std::uint16_t>(value) : std::uint16_t{0};
}

result<std::vector<std::string>>
read_strings(const json::value& array, std::size_t count_max, std::size_t bytes_max) {
    const auto elements = json::elements(array.text);
    if (!elements) {
        return unusable("must be an array of strings");
    }
    if (elements->size() > count_max) {
        return unusable("must have at most " + std::to_string(count_max) + " elements");
    }
    std::vector<std::string> strings;
    strings.reserve(elements->size());
    for (const json::value& element : *elements) {
        auto text = element.as_string();
        if (!text) {
            return unusable("must be an array of strings");
        }
        if (text->size() > bytes_max) {
            return unusable("must have strings of at most " + std::to_string(bytes_max) + " bytes");
        }
        strings.push_back(std::move(*text));
    }
    return strings;
}

result<std::vector<std::string>> read_strings(
    const json::object& from,
    std::string_view name,
    std::size_t count_max,
    std::size_t bytes_max
) {
    const json::value* const array = from.find(name);
    if (array == nullptr) {
        return std::vector<std::string>{};
    }
    auto strings = read_strings(*array, count_max, bytes_max);
    if (!strings) {
        return unusable(std::string{name} + " " + strings.error().text);
    }
    return strings;
}

// Of `wants`: the names of header fields, sorted. Others are for later versions, and are left out.
std::vector<std::string> header_names(std::vector<std::string>&& wants) {
    std::erase_if(wants, [](const std::string& name) {
        const bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
            return wire::is_token_char(c) && c == wire::to_lower(c);
        });
        return !is_name || name.empty() || name == want_client;
    });
    std::sort(wants.begin(), wants.end());
    wants.erase(std::unique(wants.begin(), wants.end()), wants.end());
    wants.resize(std::min(wants.size(), wants_max));
    return std::move(wants);
}

// A path of a web program.
result<route_info> read_program_route(std::string_view text) {
    json::object fields;
    if (!fields.parse(text)) {
        return unusable("routes must contain only objects");
    }
    const json::value* const path = fields.find("path");
    const json::value* const strip = fields.find("strip");
    route_info route;
    route.path = path != nullptr ? path->as_string().value_or("") : std::string{};
    if (const auto checked = check_path(route.path); !checked) {
        return unusable("the path of a route " + checked.error().text);
    }
    if (strip != nullptr && !strip->as_bool()) {
        return unusable("strip must be true or false");
    }
    route.strip = strip != nullptr && *strip->as_bool();
    if (route.strip && !route.path.ends_with('/')) {
        return unusable("strip needs a path that ends in /");
    }
    return route;
}

result<route_info> read_packet_route(std::string_view text) {
    json::object fields;
    if (!fields.parse(text)) {
        return unusable("routes must contain only objects");
    }
    const auto string_of = [&](std::string_view name) {
        const json::value* const found = fields.find(name);
        return found != nullptr ? found->as_string().value_or("") : std::string{};
    };
    route_info route;
    route.method = string_of("method");
    route.path = string_of("path");
    if (route.method.empty() || !route.path.starts_with('/') || route.path.size() > url_bytes_max) {
        return unusable("each route must have a method, and a path that begins with /");
    }
    const json::value* const one_way = fields.find("one_way");
    route.one_way = one_way != nullptr && one_way->as_bool().value_or(false);
    auto secrets = read_strings(fields, "secrets", urls_max, name_bytes_max);
    if (!secrets) {
        return tl::unexpected{secrets.error()};
    }
    route.secrets = std::move(*secrets);
    auto wants = read_strings(fields, "wants", urls_max, name_bytes_max);
    if (!wants) {
        return tl::unexpected{wants.error()};
    }
    route.wants_client = std::find(wants->begin(), wants->end(), want_client) != wants->end();
    route.wants = header_names(*std::move(wants));
    if (const json::value* const schema = fields.find("schema")) {
        route.schema = schema->text;
    }
    return route;
}

result<std::vector<route_info>> read_routes(const json::value& array, node_protocol protocol) {
    const auto elements = json::elements(array.text);
    if (!elements || elements->size() > urls_max) {
        return unusable(
            "routes must be an array of at most " + std::to_string(urls_max) + " objects"
        );
    }
    std::vector<route_info> routes;
    for (const json::value& element : *elements) {
        auto route = protocol == node_protocol::http ? read_program_route(element.text)
                                                     : read_packet_route(element.text);
        if (!route) {
            return tl::unexpected{route.error()};
        }
        routes.push_back(std::move(*route));
    }
    return routes;
}

result<node_id> read_identity(const json::object& fields) {
    node_id id;
    const json::value* const name = fields.find("name");
    id.name = name != nullptr ? name->as_string().value_or("") : std::string{};
    if (id.name.empty() || id.name.size() > name_bytes_max || !is_printable(id.name)) {
        return unusable(
            "name must be a string of 1 to " + std::to_string(name_bytes_max) +
            " bytes without control characters"
        );
    }
    id.port = read_port(fields.find("port"));
    if (id.port == 0) {
        return unusable("port must be a number from 1 to 65535");
    }
    const json::value* const host = fields.find("host");
    const auto text = host != nullptr ? host->as_string() : std::string{};
    if (!text && host->type != json::kind::null) {
        return unusable("host must be a string");
    }
    id.host = plain_host(text.value_or(""));
    if (id.host.size() > host_bytes_max || !is_printable(id.host)) {
        return unusable(
            "host must be a string of at most " + std::to_string(host_bytes_max) +
            " bytes without control characters"
        );
    }
    return id;
}

// The members of a foreign node's registration that msd does not know; they are passed on
// unchanged. `own` is a further member to leave out.
std::string unknown_members(const json::object& fields, std::string_view own) {
    constexpr std::array<std::string_view, 4> known{"port", "name", "urls", "host"};
    std::string members;
    std::map<std::string_view, const json::value*> last_of_name;
    for (const json::member& field : fields) {
        last_of_name[field.name] = &field.val;
    }
    for (const json::member& field : fields) {
        const bool is_known = std::find(known.begin(), known.end(), field.name) != known.end();
        if (is_known || last_of_name[field.name] != &field.val || field.name == own) {
            continue;
        }
        members += members.empty() ? "" : ",";
        members += json::quote(field.name);
        members += ':';
        members += field.val.text;
    }
    return members;
}

// Nothing: a protocol of a later version.
std::optional<node_protocol> read_protocol(const json::object& fields) {
    const json::value* const said = fields.find("protocol");
    if (said == nullptr) {
        return node_protocol::packets;
    }
    return said->as_string().value_or("") == http_protocol ? std::optional{node_protocol::http}
                                                           : std::nullopt;
}

result<void> read_routes_into(node_info& node, const json::object& fields) {
    if (const json::value* const array = fields.find("routes")) {
        auto routes = read_routes(*array, node.protocol);
        if (!routes) {
            return tl::unexpected{routes.error()};
        }
        node.routes = std::move(*routes);
    }
    return {};
}

// A node without proto may register as a web program, too. Its members are passed on like those of
// any foreign node. A foreign node that means something else by them stays what it was.
void read_foreign_program(node_info& node, const json::object& fields) {
    if (!node.urls.empty() || read_protocol(fields) != node_protocol::http) {
        return;
    }
    node.protocol = node_protocol::http;
    if (read_routes_into(node, fields)) {
        (void)read_share(node, fields);
    } else {
        node.protocol = node_protocol::packets;
    }
}

result<node_info> read_node(const json::object& fields, std::string_view own) {
    auto id = read_identity(fields);
    if (!id) {
        return tl::unexpected{id.error()};
    }
    auto urls = read_strings(fields, "urls", urls_max, url_bytes_max);
    if (!urls) {
        return tl::unexpected{urls.error()};
    }
    node_info node;
    node.id = std::move(*id);
    node.urls = std::move(*urls);
    node.port_token = fields.find("port")->text;
    const json::value* const proto = fields.find("proto");
    if (proto == nullptr || proto->as_int64().value_or(1) < wire::protocol_version) {
        node.extra_members = unknown_members(fields, own);
        read_foreign_program(node, fields);
        return node;
    }
    node.proto = wire::protocol_version;
    const auto protocol = read_protocol(fields);
    if (!protocol) {
        return unusable("protocol must be \"http\" when it is there");
    }
    node.protocol = *protocol;
    if (node.is_http() && !node.urls.empty()) {
        return unusable("a node with the protocol http has routes instead of urls");
    }
    auto read = read_routes_into(node, fields);
    read = read ? read_share(node, fields) : read;
    return read ? result<node_info>{std::move(node)} : tl::unexpected{std::move(read.error())};
}

result<std::optional<revision>> read_have(const json::object& params) {
    const json::value* const have = params.find("have");
    if (have == nullptr) {
        return std::optional<revision>{};
    }
    json::object fields;
    if (!fields.parse(have->text)) {
        return unusable("have must be an object");
    }
    const json::value* const epoch = fields.find("epoch");
    const json::value* const rev = fields.find("rev");
    const auto epoch_number = epoch != nullptr ? epoch->as_uint64() : std::nullopt;
    const auto rev_number = rev != nullptr ? rev->as_uint64() : std::nullopt;
    if (!epoch_number || !rev_number) {
        return unusable("have must contain epoch and rev");
    }
    return std::optional<revision>{revision{*epoch_number, *rev_number}};
}

} // namespace

std::string plain_host(std::string_view host) {
    const bool is_mapped =
        host.size() > mapped_prefix.size() &&
        host.substr(mapped_prefix.size()).find('.') != std::string_view::npos &&
        std::equal(
            mapped_prefix.begin(),
            mapped_prefix.end(),
            host.begin(),
            [](char wanted, char seen) { return wanted == (seen == 'F' ? 'f' : seen); }
        );
    return std::string{is_mapped ? host.substr(mapped_prefix.size()) : host};
}

result<registration> read_registration(const wire::packet& packet) {
    if (packet.params() == nullptr) {
        return unusable("params must be an object with port, name and urls");
    }
    const json::object& params = *packet.params();
    auto node = read_node(params, packet.key_in_params() ? "key" : "");
    if (!node) {
        return tl::unexpected{node.error()};
    }
    registration read;
    read.node = std::move(*node);
    // Checked for foreign nodes too, although their host is not used: a node with such an address
    // is misconfigured, and the error reply shows that.
    if (const std::string& host = read.node.id.host; !host.empty()) {
        if (const auto usable = check_advertised_host(host); !usable) {
            return tl::unexpected{usable.error()};
        }
    }
    if (read.node.proto < wire::protocol_version) {
        read.node.id.host.clear();
        return read;
    }
    auto have = read_have(params);
    if (!have) {
        return tl::unexpected{have.error()};
    }
    read.have = *have;
    auto interest = read_strings(params, "interest", interest_max, name_bytes_max);
    if (!interest) {
        return tl::unexpected{interest.error()};
    }
    read.interest = std::move(*interest);
    std::sort(read.interest.begin(), read.interest.end());
    return read;
}

std::optional<node_id> read_deregistration(const wire::packet& packet) {
    const json::object* const params = packet.params();
    auto id = params != nullptr ? read_identity(*params) : result<node_id>{fail(errc::invalid, {})};
    return id ? std::optional{std::move(*id)} : std::nullopt;
}

result<node_info> read_entry(std::string_view json) {
    json::object fields;
    if (!fields.parse(json)) {
        return unusable("an entry is not an object");
    }
    auto node = read_node(fields, "critical");
    if (!node) {
        return node;
    }
    if (node->id.host.empty()) {
        return unusable("an entry has no host");
    }
    const json::value* const critical = fields.find("critical");
    node->critical = critical != nullptr && critical->as_bool().value_or(false);
    return node;
}

result<node_id> read_identity(std::string_view json) {
    json::object fields;
    if (!fields.parse(json)) {
        return unusable("an identity is not an object");
    }
    return read_identity(fields);
}

} // namespace msd::core
