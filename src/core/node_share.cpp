// SPDX-License-Identifier: Apache-2.0
#include "core/node_share.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace msd::core {

namespace {

bool is_control(char c) {
    return (c >= '\0' && c < ' ') || c == '\x7F';
}

} // namespace

result<void> check_zone(std::string_view zone) {
    if (zone.size() > zone_bytes_max || std::any_of(zone.begin(), zone.end(), is_control)) {
        return fail(
            errc::invalid,
            "must be a text of at most " + std::to_string(zone_bytes_max) +
                " bytes without control characters"
        );
    }
    return {};
}

result<void> read_share(node_info& into, const json::object& fields) {
    std::uint32_t share = 1;
    std::string name;
    if (const json::value* const weight = fields.find("weight")) {
        const auto number = weight->as_uint64();
        if (!number || *number > weight_max) {
            return fail(
                errc::invalid,
                "weight must be an integer from 0 to " + std::to_string(weight_max)
            );
        }
        share = static_cast<std::uint32_t>(*number);
    }
    if (const json::value* const zone = fields.find("zone")) {
        auto text = zone->as_string();
        if (!text) {
            return fail(errc::invalid, "zone must be a string");
        }
        if (const auto checked = check_zone(*text); !checked) {
            return fail(errc::invalid, "zone " + checked.error().text);
        }
        name = std::move(*text);
    }
    into.weight = share;
    into.zone = std::move(name);
    return {};
}

void write_share(json::writer& to, const node_info& node) {
    if (node.weight != 1) {
        to.key("weight").unsigned_integer(node.weight);
    }
    if (!node.zone.empty()) {
        to.key("zone").string(node.zone);
    }
}

} // namespace msd::core
