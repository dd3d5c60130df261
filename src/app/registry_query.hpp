// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/cluster_proof.hpp"
#include "core/node.hpp"
#include "wire/packet.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// Queries of terminal commands: one connection, one answer. They register no node. With secrets,
// the peer has to prove one of them first; a node of protocol 1 cannot.
namespace msd::app {

/// The nodes a distributor lists. errc::unavailable naming the address, errc::timeout,
/// errc::denied: one of the two does not prove the cluster secret.
[[nodiscard]] result<std::vector<core::node_info>> fetch_nodes(
    const std::string& host,
    std::uint16_t port,
    const core::shared_secrets& secrets,
    deadline until
);

// A connection that registered a node with another description than the listed one.
struct contradiction {
    std::string peer; // its address and port
    std::uint64_t routes = 0;
};
using contradictions = std::map<core::node_id, std::vector<contradiction>>;

/// The nodes that connections describe in different ways. Empty when the distributor does not
/// answer: other ones do not know the request.
[[nodiscard]] contradictions fetch_contradictions(
    const std::string& host,
    std::uint16_t port,
    const core::shared_secrets& secrets,
    deadline until
);

struct packet_request {
    std::string method;
    std::string uri;
    std::string params; // a JSON object
};

// Where a request goes, and what has to be proven there.
struct request_target {
    core::node_info node;
    core::shared_secrets secrets; // null: nothing
};

/// Sends a one-way request. Returns when it is sent: an empty text, or the reply with which the
/// node refuses it. The same errors.
[[nodiscard]] result<std::string>
send_to_node(const request_target& to, const packet_request& request, deadline until);

/// Sends one request to a node and returns the whole reply, a JSON object. The same errors.
[[nodiscard]] result<std::string>
ask_node(const request_target& to, const packet_request& request, deadline until);

} // namespace msd::app
