// SPDX-License-Identifier: Apache-2.0
#include "core/node_share.hpp"
#include "core/registration.hpp"

#include <algorithm>
#include <utility>

namespace msd::core {

namespace {

void write_urls(json::writer& writer, const node_info& node) {
    writer.key("urls").begin_array();
    for (const std::string& url : node.urls) {
        writer.string(url);
    }
    writer.end_array();
}

void write_program_route(json::writer& writer, const route_info& route) {
    writer.begin_object().key("path").string(route.path);
    if (route.strip) {
        writer.key("strip").boolean(true);
    }
    writer.end_object();
}

void write_wants(json::writer& writer, const route_info& route) {
    if (!route.wants_client && route.wants.empty()) {
        return;
    }
    writer.key("wants").begin_array();
    if (route.wants_client) {
        writer.string(want_client);
    }
    for (const std::string& name : route.wants) {
        writer.string(name);
    }
    writer.end_array();
}

void write_protocol(json::writer& writer, const node_info& node) {
    if (node.is_http()) {
        writer.key("protocol").string(http_protocol);
    }
}

void write_routes(json::writer& writer, const node_info& node) {
    writer.key("routes").begin_array();
    for (const route_info& route : node.routes) {
        if (node.is_http()) {
            write_program_route(writer, route);
            continue;
        }
        writer.begin_object().key("method").string(route.method).key("path").string(route.path);
        if (route.one_way) {
            writer.key("one_way").boolean(true);
        }
        if (!route.secrets.empty()) {
            writer.key("secrets").begin_array();
            for (const std::string& secret : route.secrets) {
                writer.string(secret);
            }
            writer.end_array();
        }
        write_wants(writer, route);
        if (!route.schema.empty()) {
            writer.key("schema").raw(route.schema);
        }
        writer.end_object();
    }
    writer.end_array();
}

void write_port(json::writer& writer, const node_info& node) {
    writer.key("port");
    if (node.port_token.empty()) {
        writer.unsigned_integer(node.id.port);
    } else {
        writer.raw(node.port_token);
    }
}

json::writer& begin_registration(json::writer& writer, std::string_view method) {
    return writer.begin_object()
        .key("uri")
        .string(registry_uri)
        .key("method")
        .string(method)
        .key("key");
}

std::string registration_frame(const node_info& self, const revision* have) {
    node_info said = self;
    for (const route_info& route : self.routes) {
        if (self.is_http()) {
            break;
        }
        std::string url = route.method + route.path;
        if (std::find(said.urls.begin(), said.urls.end(), url) == said.urls.end()) {
            said.urls.push_back(std::move(url));
        }
    }
    std::string object;
    json::writer writer{object};
    begin_registration(writer, "POST").integer(0).key("params").begin_object();
    writer.key("port").unsigned_integer(said.id.port).key("name").string(said.id.name);
    write_urls(writer, said);
    if (!said.id.host.empty()) {
        writer.key("host").string(said.id.host);
    }
    writer.key("proto").integer(wire::protocol_version);
    write_protocol(writer, said);
    write_share(writer, said);
    if (have != nullptr || said.is_http()) {
        write_routes(writer, said);
    }
    if (have != nullptr) {
        writer.key("have").begin_object().key("epoch").unsigned_integer(have->epoch);
        writer.key("rev").unsigned_integer(have->rev).end_object();
    }
    writer.end_object().end_object();
    std::string frame;
    wire::append_frame(frame, object);
    return frame;
}

} // namespace

std::string foreign_entry(const node_info& node) {
    std::string entry;
    json::writer writer{entry};
    writer.begin_object();
    write_port(writer, node);
    writer.key("name").string(node.id.name);
    write_urls(writer, node);
    writer.key("host").string(node.id.host);
    if (!node.extra_members.empty()) {
        writer.raw_members(node.extra_members);
    }
    writer.end_object();
    return entry;
}

std::string msd_entry(const node_info& node) {
    std::string entry = foreign_entry(node);
    if (node.proto < wire::protocol_version) {
        return entry;
    }
    entry.pop_back();
    entry += R"(,"proto":)" + std::to_string(node.proto);
    std::string further;
    json::writer writer{further};
    writer.begin_object();
    write_protocol(writer, node);
    write_share(writer, node);
    if (!node.routes.empty()) {
        write_routes(writer, node);
    }
    if (further.size() > 1) {
        entry += ',';
        entry.append(further, 1);
    }
    entry += '}';
    return entry;
}

std::string as_critical(std::string_view entry) {
    std::string marked{entry.substr(0, entry.size() - 1)};
    marked += R"(,"critical":true})";
    return marked;
}

void append_identity(std::string& out, const node_id& id) {
    json::writer writer{out};
    writer.begin_object().key("name").string(id.name).key("host").string(id.host);
    writer.key("port").unsigned_integer(id.port).end_object();
}

std::string first_registration(const node_info& self) {
    return registration_frame(self, nullptr);
}

std::string second_registration(const node_info& self, revision have) {
    return registration_frame(self, &have);
}

std::string deregistration(std::uint64_t key, const node_id* callers_of) {
    std::string object;
    json::writer writer{object};
    begin_registration(writer, "DELETE").unsigned_integer(key);
    if (callers_of != nullptr) {
        std::string identity;
        append_identity(identity, *callers_of);
        writer.key("params").raw(identity);
    }
    writer.end_object();
    std::string frame;
    wire::append_frame(frame, object);
    return frame;
}

} // namespace msd::core
