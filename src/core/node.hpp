// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// The name under which gateways register. Existing nodes know gateways by it: they connect to every
// listed node that has another name.
inline constexpr std::string_view gateway_name = "gate";

// What identifies a node everywhere: one name at one address. Several worker processes of it
// register under the same identity and are listed once.
struct node_id {
    std::string name;
    std::string host; // IPv4 written plainly, else as the distributor saw or was told it
    std::uint16_t port = 0;

    auto operator<=>(const node_id&) const = default;
};

// One route a service offers, as an msd node describes it in its second registration.
struct route_info {
    std::string method;               // "GET"
    std::string path;                 // "/goods" or a pattern, "/goods/{id}"
    bool one_way = false;             // answered 202 as soon as it is queued
    std::vector<std::string> secrets; // parameters that never reach a log
    std::string schema; // raw JSON array of its parameters, for people and tools; may be empty

    bool operator==(const route_info&) const = default;
};

// One entry of the topology.
struct node_info {
    node_id id;
    std::vector<std::string> urls;  // METHOD followed by path, as registered
    int proto = 1;                  // 2: an msd node
    std::vector<route_info> routes; // msd nodes that said them; else empty, and urls count
    std::string port_token;         // the port as it came, e.g. 9010 or "9051" with its quotes
    std::string extra_members; // a foreign node's own unknown fields, raw, in order: `"a":1,"b":2`
    bool critical = false;     // its registrations are gone; it may come back

    bool operator==(const node_info&) const = default;
};

} // namespace msd::core
