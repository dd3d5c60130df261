// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "core/node.hpp"
#include "wire/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace msd::core {

struct revision;

// The list of nodes as one node knows it: the client side of the registry. It applies the packets
// of a distributor, a foreign one (whole lists) or msd's (snapshots in parts, changes), and keeps
// the list in registration order. Nothing is removed because the connection to the distributor
// ended.
class topology {
public:
    enum class outcome : std::uint8_t {
        unchanged,
        changed,    // nodes() differ from before
        incomplete, // one part of a snapshot; more follow
        gap,        // the changes do not follow the known revision: ask for a snapshot
        ignored,    // not a topology packet
    };

    /// Malformed packets are errors and change nothing. Malformed entries are left out, and so are
    /// entries beyond nodes_max (core/registration.hpp).
    [[nodiscard]] result<outcome> apply(const wire::packet& packet);

    /// The whole list as one packet that apply() accepts.
    [[nodiscard]] std::string packet() const;

    [[nodiscard]] std::span<const node_info> nodes() const { return nodes_; }
    /// The sender of the last packet is an msd distributor.
    [[nodiscard]] bool from_msd() const { return from_msd_; }
    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
    [[nodiscard]] std::uint64_t rev() const { return rev_; }

private:
    [[nodiscard]] result<outcome> apply_list(const json::value& list);
    [[nodiscard]] result<outcome> apply_from_msd(const json::object& fields);
    [[nodiscard]] result<outcome>
    apply_part(const json::object& fields, const json::value& list, const revision& now);
    [[nodiscard]] result<outcome>
    apply_changes(const json::object& fields, const json::value& changes, const revision& now);
    void replace_all(std::vector<node_info>&& listed);
    void remove_all(const std::vector<json::value>& identities);
    void add(node_info&& node);
    [[nodiscard]] std::vector<std::size_t>::iterator find_place(const node_id& id);
    void sort_places();

    std::vector<node_info> nodes_;
    std::vector<std::size_t> places_; // in nodes_, in the order of their identities
    std::vector<node_info> parts_;    // of a snapshot that is not complete yet
    std::size_t next_part_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t rev_ = 0;
    bool from_msd_ = false;
};

} // namespace msd::core
