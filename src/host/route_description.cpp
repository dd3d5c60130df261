// SPDX-License-Identifier: Apache-2.0
#include "host/route_description.hpp"

#include "base/json.hpp"

#include <algorithm>

namespace msd::host {

namespace {

std::string_view type_name(services::parameter_type type) {
    switch (type) {
    case services::parameter_type::text:
        return "string";
    case services::parameter_type::integer:
        return "integer";
    case services::parameter_type::real:
        return "number";
    case services::parameter_type::decimal:
        break;
    }
    return "decimal";
}

void write_parameter(json::writer& out, const services::parameter& parameter) {
    out.begin_object();
    out.key("name").string(parameter.name).key("type").string(type_name(parameter.type));
    if (parameter.required) {
        out.key("required").boolean(true);
    }
    if (parameter.secret) {
        out.key("secret").boolean(true);
    }
    if (!parameter.about.empty()) {
        out.key("about").string(parameter.about);
    }
    out.end_object();
}

} // namespace

core::route_info describe(const services::route& row) {
    core::route_info out;
    out.method = row.method;
    out.path = row.path;
    out.one_way = row.one_way;
    out.wants_client = row.wants_client;
    out.wants.assign(row.wants_headers.begin(), row.wants_headers.end());
    std::ranges::sort(out.wants);
    json::writer schema{out.schema};
    schema.begin_array();
    for (const services::parameter& parameter : row.parameters) {
        write_parameter(schema, parameter);
        if (parameter.secret) {
            out.secrets.emplace_back(parameter.name);
        }
    }
    schema.end_array();
    return out;
}

} // namespace msd::host
