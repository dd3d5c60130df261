// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/node.hpp"
#include "core/registration.hpp"
#include "core/topology_reader.hpp"
#include "wire/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// The routes of all listed nodes together. The routes of further nodes are ignored until others
// have left.
constexpr std::size_t routes_listed_max = 100'000;
// The entries of all listed nodes together; further nodes are ignored.
constexpr std::size_t listed_bytes_max = std::size_t{32} << 20;

// One entry of the list. Immutable, so that it can be shared with whoever uses the node.
struct listed_node {
    node_info info;                 // without the schemas of its routes
    std::string text;               // the entry as received: an equal text needs no reading
    std::size_t ignored_routes = 0; // info has no routes, because of routes_listed_max

    [[nodiscard]] std::size_t routes() const { return info.urls.size() + info.routes.size(); }
};
using listed_node_ptr = std::shared_ptr<const listed_node>;

// What has become of one node. Null `before`: it was added; null `after`: it was removed.
struct node_change {
    listed_node_ptr before;
    listed_node_ptr after;
};

// The list of nodes as one node knows it: the client side of the registry. It applies the packets
// of a distributor, a foreign one (whole lists) or msd's (snapshots in parts, changes), and keeps
// the list in registration order. Each packet costs as much as it changes, and large packets are
// applied in steps. Nothing is removed because the connection to the distributor ended.
class topology {
public:
    enum class outcome : std::uint8_t {
        unchanged,
        changed,    // take_changes() has something
        incomplete, // one part of a snapshot; more follow
        gap,        // the changes do not follow the known revision: ask for a snapshot
        ignored,    // not a topology packet
    };

    /// Malformed packets are errors and change nothing. Malformed entries are left out, and so are
    /// entries beyond nodes_max (core/registration.hpp) and listed_bytes_max.
    [[nodiscard]] result<outcome> apply(const wire::packet& packet);

    /// The same in steps: begin() returns the outcome when there is nothing more to do, otherwise
    /// step() is called until it does. Views of the packet must be valid until then. A step handles
    /// at least one entry, and further ones while it has handled fewer than `bytes` of them.
    [[nodiscard]] std::optional<result<outcome>> begin(topology_packet&& packet);
    [[nodiscard]] std::optional<result<outcome>> step(std::size_t bytes);

    /// What has changed since the last call, one change per node: removals first, then the others
    /// in registration order.
    [[nodiscard]] std::vector<node_change> take_changes();

    /// In registration order. The vectors are made by each call.
    [[nodiscard]] std::vector<node_info> nodes() const;
    [[nodiscard]] std::vector<listed_node_ptr> listed() const;
    [[nodiscard]] std::size_t size() const { return listed_.nodes.size(); }
    [[nodiscard]] bool has(const node_id& id) const { return listed_.nodes.contains(id); }
    /// A node of that name and port is listed, on any host.
    [[nodiscard]] bool has(std::string_view name, std::uint16_t port) const;
    /// How many nodes are listed whose routes are ignored.
    [[nodiscard]] std::size_t nodes_without_routes() const { return listed_.without_routes.size(); }

    /// The sender of the last packet is an msd distributor.
    [[nodiscard]] bool from_msd() const { return from_msd_; }
    [[nodiscard]] revision now() const { return {epoch_, rev_}; }
    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
    [[nodiscard]] std::uint64_t rev() const { return rev_; }
    /// How many entries were read until now: what the packets have cost. Entries whose text is
    /// known are compared, not read.
    [[nodiscard]] std::uint64_t entries_read() const { return entries_read_; }

private:
    struct by_id {
        using is_transparent = void;
        bool operator()(const listed_node_ptr& one, const listed_node_ptr& other) const {
            return one->info.id < other->info.id;
        }
        bool operator()(const listed_node_ptr& one, const node_id& other) const {
            return one->info.id < other;
        }
        bool operator()(const node_id& one, const listed_node_ptr& other) const {
            return one < other->info.id;
        }
    };

    // A list, and the sums over its entries.
    struct node_set {
        /// Returns its number.
        std::uint64_t put(const listed_node_ptr& node);
        void erase(const node_id& id);
        /// Null when it is not listed.
        [[nodiscard]] listed_node_ptr find(const node_id& id) const;
        /// Whether `more` routes fit when those of `old`, which may be null, are removed.
        [[nodiscard]] bool has_room_for(std::size_t more, const listed_node* old) const;

        std::map<listed_node_ptr, std::uint64_t, by_id> nodes; // and their numbers
        std::map<std::uint64_t, listed_node_ptr> in_order;     // by number
        std::map<std::uint64_t, listed_node_ptr> without_routes;
        std::uint64_t last_number = 0;
        std::size_t routes = 0;
        std::size_t bytes = 0;
    };

    enum class phase : std::uint8_t { idle, list, compare, remove, add, admit };

    [[nodiscard]] std::optional<result<outcome>> begin_from_msd();
    [[nodiscard]] std::optional<result<outcome>> begin_changes();
    [[nodiscard]] std::optional<outcome> finish_phase();
    [[nodiscard]] bool adopt_list();
    [[nodiscard]] std::size_t handle_entry();
    void stage(std::string_view text);
    void add(std::string_view text);
    void remove(std::string_view identity);
    [[nodiscard]] std::size_t admit_routes();
    [[nodiscard]] bool compare_next();
    void note(const listed_node_ptr& before, const listed_node_ptr& after, std::uint64_t number);
    [[nodiscard]] std::shared_ptr<listed_node> read(std::string_view text);
    static void limit_routes(listed_node& node, const node_set& in, const listed_node* old);

    node_set listed_;
    node_set staged_; // of a list that is not complete yet
    // A list is compared with the one before, in the order of identities: what is left of the one
    // before, and where it goes on in the new one.
    node_set old_;
    std::map<listed_node_ptr, std::uint64_t, by_id>::const_iterator compared_;
    std::uint64_t expected_ = 0; // the number in listed_ of the entry that probably comes next
    struct numbered_change {
        node_change change;
        std::uint64_t number = 0; // of the node; 0 when it was removed
    };
    std::map<listed_node_ptr, numbered_change, by_id> changes_; // for take_changes()
    // The packet that is being applied.
    topology_packet packet_;
    phase phase_ = phase::idle;
    std::size_t next_entry_ = 0;
    bool has_changed_ = false;

    std::uint64_t next_part_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t rev_ = 0;
    std::uint64_t entries_read_ = 0;
    bool from_msd_ = false;
};

} // namespace msd::core
