// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "core/node.hpp"
#include "wire/packet.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Reads and writes registrations and the entries of lists, for the distributor and its nodes: no
// other code knows their members. The packets that carry lists are in core/topology_frames.hpp. The
// registry decides which nodes are listed and which nodes receive the list.
namespace msd::core {

inline constexpr std::string_view registry_uri = "/distributes";
/// GET: the nodes that connections describe in different ways.
inline constexpr std::string_view contradictions_uri = "/distributes/contradictions";

constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t host_bytes_max = 255;
constexpr std::size_t url_bytes_max = 1024;
constexpr std::size_t urls_max = 1000;
constexpr std::size_t interest_max = 256;
inline constexpr std::string_view want_client = "client"; // in the member `wants` of a route
/// Names of header fields in `wants`; further ones are left out.
constexpr std::size_t wants_max = 32;
inline constexpr std::string_view http_protocol = "http"; // the member `protocol` of a node
constexpr std::size_t entry_bytes_max =
    std::size_t{128} * 1024; // one node as listed, schemas included
constexpr std::size_t nodes_max = 20'000;

// A state of the registry. The epoch distinguishes distributors that started without the state of
// their predecessor.
struct revision {
    std::uint64_t epoch = 0;
    std::uint64_t rev = 0;

    bool operator==(const revision&) const = default;
};

// The content of a POST /distributes request.
struct registration {
    node_info node;                    // id.host is empty unless an msd node advertises one
    std::optional<revision> have;      // in the second registration of an msd node
    std::vector<std::string> interest; // service names; empty: all
};

/// `host`; an IPv4-mapped IPv6 address becomes the IPv4 address.
[[nodiscard]] std::string plain_host(std::string_view host);

/// Fails with errc::invalid and a text for the peer when the params describe no usable node or
/// exceed a limit.
[[nodiscard]] result<registration> read_registration(const wire::packet& packet);
/// The node that a DELETE /distributes names in its params; id.host may be empty. nullopt when it
/// names no node.
[[nodiscard]] std::optional<node_id> read_deregistration(const wire::packet& packet);

/// Reads one entry of a list; errc::invalid when it has no usable name, host or port.
[[nodiscard]] result<node_info> read_entry(std::string_view json);
/// Reads name, host and port of an entry and ignores its other members.
[[nodiscard]] result<node_id> read_identity(std::string_view json);

/// The entry for foreign nodes: the port as registered, name, urls, host, and a foreign node's
/// unknown members.
[[nodiscard]] std::string foreign_entry(const node_info& node);
/// The entry for msd nodes: also proto, protocol, routes, weight and zone. as_critical() adds
/// `critical`.
[[nodiscard]] std::string msd_entry(const node_info& node);
[[nodiscard]] std::string as_critical(std::string_view entry);
constexpr std::size_t critical_mark_bytes = 16; // by which as_critical() makes an entry longer
void append_identity(std::string& out, const node_id& id);

/// The frame that every distributor understands: port, name, urls (patterns included), proto, and
/// weight and zone where they are set. Of a web program also protocol and routes, which it has
/// instead of urls.
[[nodiscard]] std::string first_registration(const node_info& self);
/// The frame for an msd distributor: also routes, and the revision that the node knows.
[[nodiscard]] std::string second_registration(const node_info& self, revision have);
/// DELETE /distributes. `callers_of`: the node to name in params, because callers of one of its
/// workers have lost their connections (docs/protocol.md, 4); null: no params.
[[nodiscard]] std::string deregistration(std::uint64_t key, const node_id* callers_of = nullptr);

} // namespace msd::core
