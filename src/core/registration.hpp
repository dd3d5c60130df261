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

// What a node says of itself and how it stands in a list, in both directions: the one place that
// knows the shape of an entry, for the distributor and its nodes. The packets that carry lists are
// core/topology_frames.hpp; who is listed, and who is told when, is the registry's business.
namespace msd::core {

inline constexpr std::string_view registry_uri = "/distributes";

constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t host_bytes_max = 255;
constexpr std::size_t url_bytes_max = 1024;
constexpr std::size_t urls_max = 1000;
constexpr std::size_t interest_max = 256;
constexpr std::size_t entry_bytes_max =
    std::size_t{128} * 1024; // one node as listed, schemas included
constexpr std::size_t nodes_max = 20'000;

// A state of the registry. The epoch tells one life of the distributor from another.
struct revision {
    std::uint64_t epoch = 0;
    std::uint64_t rev = 0;

    bool operator==(const revision&) const = default;
};

// A POST /distributes as the distributor reads it.
struct registration {
    node_info node;                    // id.host empty unless an msd node advertises one
    std::optional<revision> have;      // msd nodes, once they know an msd distributor
    std::vector<std::string> interest; // service names; empty: all
};

/// `host` without the prefix of an IPv4-mapped address.
[[nodiscard]] std::string plain_host(std::string_view host);

/// errc::invalid with a text for the peer when the params name no usable node or are over a limit.
[[nodiscard]] result<registration> read_registration(const wire::packet& packet);
/// The node that a DELETE /distributes names in its params; id.host may be empty. Nothing when it
/// names none.
[[nodiscard]] std::optional<node_id> read_goodbye(const wire::packet& packet);

/// One entry of a list; errc::invalid when it names no node with a host.
[[nodiscard]] result<node_info> read_entry(std::string_view json);
/// Name, host and port of an entry, whatever else it holds.
[[nodiscard]] result<node_id> read_identity(std::string_view json);

/// How foreign nodes are told of a node: port as it came, name, urls, host, its own unknown fields.
[[nodiscard]] std::string foreign_entry(const node_info& node);
/// How msd nodes are told: also proto and routes. `critical` is added by as_critical.
[[nodiscard]] std::string msd_entry(const node_info& node);
[[nodiscard]] std::string as_critical(std::string_view entry);
void append_identity(std::string& out, const node_id& id);

/// The frame that every distributor understands: port, name, urls, proto. Patterns count as urls.
[[nodiscard]] std::string first_registration(const node_info& self);
/// The frame for an msd distributor: also routes, and what the node knows already.
[[nodiscard]] std::string second_registration(const node_info& self, revision have);
/// DELETE /distributes. `callers_of` names the node in params: callers of this worker of it have
/// lost their connections (docs/protocol.md, 4); null: no params.
[[nodiscard]] std::string goodbye(std::uint64_t key, const node_id* callers_of = nullptr);

} // namespace msd::core
