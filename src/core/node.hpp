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

// The identity of a node: one name at one address. The worker processes of a node register under
// the same identity, which is listed once.
struct node_id {
    std::string name;
    std::string host; // IPv4 in dotted form, never IPv4-mapped IPv6
    std::uint16_t port = 0;

    auto operator<=>(const node_id&) const = default;
};

// One route of a service, as a node describes it in its registration: a request in packets of an
// msd node, or paths of a web program (node_protocol::http).
struct route_info {
    std::string method;               // "GET"; empty for a web program: every method
    std::string path;                 // "/goods" or a pattern, "/goods/{id}"; also "/api/", below
    bool one_way = false;             // has no reply: 202 as soon as the request is queued
    std::vector<std::string> secrets; // parameters that are never logged
    std::string schema; // raw JSON array of its parameters, for people and tools; may be empty
    bool wants_client = false; // a gateway adds the client's address to requests
    // Further header fields of a request that a gateway adds to the packet: lower-case names, in
    // alphabetical order.
    std::vector<std::string> wants = {};
    // Of a web program, whose path that ends in "/" is a prefix: the program receives the path
    // without it.
    bool strip = false;

    bool operator==(const route_info&) const = default;
};

// How callers send requests to a node.
enum class node_protocol : std::uint8_t {
    packets,
    http // a program that speaks HTTP/1.1 (docs/protocol.md, 3)
};

// One entry of the topology.
struct node_info {
    node_id id;
    std::vector<std::string> urls;  // METHOD followed by path, as registered
    int proto = 1;                  // version of the protocol; 2: an msd node
    std::vector<route_info> routes; // described by an msd node; otherwise empty: see urls
    std::string port_token;         // the port as registered, e.g. 9010 or "9051" with its quotes
    std::string extra_members; // a foreign node's unknown members, raw, in order: `"a":1,"b":2`
    bool critical = false;     // its connections are lost; it may return
    node_protocol protocol = node_protocol::packets;
    // For the balancers of callers; foreign nodes for packets have none.
    std::uint32_t weight = 1; // its share of the requests; 0: gets some only when no other is left
    std::string zone;         // where it runs; empty: unknown

    [[nodiscard]] bool is_http() const { return protocol == node_protocol::http; }
    bool operator==(const node_info&) const = default;
};

} // namespace msd::core
