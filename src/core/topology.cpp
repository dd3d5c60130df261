// SPDX-License-Identifier: Apache-2.0
#include "core/topology.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace msd::core {

namespace {

// What handling an entry costs beyond its bytes.
constexpr std::size_t entry_cost_bytes = 64;
// Longer entries are malformed. A distributor adds members to what a node may register.
constexpr std::size_t entry_read_bytes_max = 2 * entry_bytes_max;

} // namespace

std::uint64_t topology::node_set::put(const listed_node_ptr& node) {
    std::uint64_t number = 0;
    if (auto known = nodes.extract(node); known) {
        number = known.mapped();
        const listed_node& old = *known.key();
        routes -= old.routes();
        bytes -= old.text.size();
        known.key() = node;
        nodes.insert(std::move(known));
    } else {
        number = ++last_number;
        nodes.emplace(node, number);
    }
    routes += node->routes();
    bytes += node->text.size();
    if (node->ignored_routes > 0) {
        without_routes[number] = node;
    } else {
        without_routes.erase(number);
    }
    in_order[number] = node;
    return number;
}

void topology::node_set::erase(const node_id& id) {
    const auto known = nodes.find(id);
    if (known == nodes.end()) {
        return;
    }
    routes -= known->first->routes();
    bytes -= known->first->text.size();
    without_routes.erase(known->second);
    in_order.erase(known->second);
    nodes.erase(known);
}

listed_node_ptr topology::node_set::find(const node_id& id) const {
    const auto known = nodes.find(id);
    return known == nodes.end() ? nullptr : known->first;
}

bool topology::node_set::has_room_for(std::size_t more, const listed_node* old) const {
    return routes - (old == nullptr ? 0 : old->routes()) + more <= routes_listed_max;
}

result<topology::outcome> topology::apply(const wire::packet& packet) {
    auto read = read_topology(packet.fields().text());
    if (!read) {
        return tl::unexpected{read.error()};
    }
    auto done = begin(std::move(*read));
    while (!done) {
        done = step(std::numeric_limits<std::size_t>::max());
    }
    return *done;
}

std::optional<result<topology::outcome>> topology::begin(topology_packet&& packet) {
    while (phase_ == phase::compare && compare_next()) {
        // A list before was given up after it was adopted.
    }
    packet_ = std::move(packet);
    phase_ = phase::idle;
    next_entry_ = 0;
    has_changed_ = false;
    if (!packet_.is_topology) {
        return outcome::ignored;
    }
    if (packet_.proto >= wire::protocol_version) {
        return begin_from_msd();
    }
    if (packet_.params != topology_packet::member::array) {
        return fail(errc::malformed, "the list of nodes is not an array");
    }
    staged_ = {};
    expected_ = 0;
    next_part_ = 0;
    phase_ = phase::list;
    return std::nullopt;
}

std::optional<result<topology::outcome>> topology::begin_from_msd() {
    if (!packet_.epoch || !packet_.rev) {
        return fail(errc::malformed, "the packet of the registry has no epoch and rev");
    }
    if (packet_.has_changes) {
        return begin_changes();
    }
    if (packet_.params == topology_packet::member::absent) {
        from_msd_ = true;
        return outcome::unchanged;
    }
    if (packet_.params != topology_packet::member::array) {
        return fail(errc::malformed, "the snapshot of nodes is not an array");
    }
    from_msd_ = true;
    if (packet_.part == 0) {
        staged_ = {};
        expected_ = 0;
        next_part_ = 0;
    }
    if (packet_.part != next_part_) {
        return outcome::gap;
    }
    ++next_part_;
    phase_ = phase::list;
    return std::nullopt;
}

std::optional<result<topology::outcome>> topology::begin_changes() {
    const auto array = topology_packet::member::array;
    if (packet_.add != array || packet_.remove != array) {
        return fail(errc::malformed, "add or remove of the changes is not an array");
    }
    from_msd_ = true;
    if (packet_.epoch != epoch_ || packet_.since != rev_) {
        return outcome::gap;
    }
    phase_ = phase::remove;
    return std::nullopt;
}

std::optional<result<topology::outcome>> topology::step(std::size_t bytes) {
    std::size_t handled = 0;
    while (phase_ != phase::idle) {
        const std::size_t cost = handle_entry();
        if (cost > 0) {
            handled += cost;
            if (handled >= bytes) {
                return std::nullopt;
            }
            continue;
        }
        next_entry_ = 0;
        if (const auto done = finish_phase()) {
            phase_ = phase::idle;
            return *done;
        }
    }
    return outcome::unchanged;
}

// Begins the next phase; returns the outcome when there is none.
std::optional<topology::outcome> topology::finish_phase() {
    switch (phase_) {
    case phase::list:
        if (!adopt_list()) {
            return outcome::incomplete;
        }
        phase_ = phase::compare;
        return std::nullopt;
    case phase::remove:
        phase_ = phase::add;
        return std::nullopt;
    case phase::add:
        phase_ = phase::admit;
        return std::nullopt;
    case phase::admit:
        rev_ = *packet_.rev;
        break;
    case phase::compare:
    case phase::idle:
        break;
    }
    return has_changed_ ? outcome::changed : outcome::unchanged;
}

// Handles the next entry of the current phase; returns what it has cost, 0 when there is none.
std::size_t topology::handle_entry() {
    if (phase_ == phase::admit) {
        return admit_routes();
    }
    if (phase_ == phase::compare) {
        return compare_next() ? entry_cost_bytes : 0;
    }
    const auto& entries = phase_ == phase::list     ? packet_.nodes
                          : phase_ == phase::remove ? packet_.removed
                                                    : packet_.added;
    if (next_entry_ == entries.size()) {
        return 0;
    }
    const std::string_view entry = entries[next_entry_++];
    if (phase_ == phase::list) {
        stage(entry);
    } else if (phase_ == phase::remove) {
        remove(entry);
    } else {
        add(entry);
    }
    return entry.size() + entry_cost_bytes;
}

// Makes the staged list the known one; false when parts of it are missing.
bool topology::adopt_list() {
    const bool is_snapshot = packet_.proto >= wire::protocol_version;
    if (is_snapshot && packet_.more) {
        return false;
    }
    from_msd_ = is_snapshot;
    epoch_ = is_snapshot ? *packet_.epoch : 0;
    rev_ = is_snapshot ? *packet_.rev : 0;
    next_part_ = 0;
    old_ = std::exchange(listed_, std::exchange(staged_, {}));
    old_.in_order.clear();
    compared_ = listed_.nodes.begin();
    return true;
}

// An entry of a list. Most entries are those of the list before, in the same order: equal texts are
// not read again. A foreign distributor may list the workers of one node separately: the first
// entry counts.
void topology::stage(std::string_view text) {
    if (staged_.nodes.size() >= nodes_max || staged_.bytes + text.size() > listed_bytes_max) {
        return;
    }
    const auto expected = listed_.in_order.lower_bound(expected_);
    listed_node_ptr known;
    if (expected != listed_.in_order.end() && expected->second->text == text) {
        known = expected->second;
        expected_ = expected->first + 1;
    }
    std::shared_ptr<listed_node> fresh;
    if (!known) {
        fresh = read(text);
        if (!fresh) {
            return;
        }
        const auto at = listed_.nodes.find(fresh->info.id);
        if (at != listed_.nodes.end()) {
            expected_ = at->second + 1;
            known = at->first->text == text ? at->first : nullptr;
        }
    }
    const node_id& id = known ? known->info.id : fresh->info.id;
    if (staged_.nodes.contains(id)) {
        return;
    }
    // The room for its routes may be another one than in the list before.
    const bool is_as_before =
        known && staged_.has_room_for(known->routes() + known->ignored_routes, nullptr) ==
                     (known->ignored_routes == 0);
    if (is_as_before) {
        staged_.put(known);
        return;
    }
    if (!fresh) {
        fresh = read(text);
    }
    limit_routes(*fresh, staged_, nullptr);
    staged_.put(fresh);
}

// An entry of changes. A node that changed keeps its place.
void topology::add(std::string_view text) {
    auto fresh = read(text);
    if (!fresh) {
        return;
    }
    const listed_node_ptr old = listed_.find(fresh->info.id);
    const std::size_t freed = old ? old->text.size() : 0;
    const bool has_room = old || listed_.nodes.size() < nodes_max;
    if (!has_room || listed_.bytes - freed + text.size() > listed_bytes_max) {
        return;
    }
    limit_routes(*fresh, listed_, old.get());
    const listed_node_ptr now = std::move(fresh);
    const std::uint64_t number = listed_.put(now);
    note(old, now, number);
}

void topology::remove(std::string_view identity) {
    const auto id = identity.size() <= entry_read_bytes_max
                        ? read_identity(identity)
                        : result<node_id>{fail(errc::too_large, {})};
    if (!id) {
        return;
    }
    if (const listed_node_ptr old = listed_.find(*id)) {
        listed_.erase(*id);
        note(old, nullptr, 0);
    }
}

// Reads the routes of one node that were ignored, when there is room for them now. Returns what it
// has cost, 0 when there is no room.
std::size_t topology::admit_routes() {
    if (listed_.without_routes.empty()) {
        return 0;
    }
    const listed_node_ptr old = listed_.without_routes.begin()->second;
    if (!listed_.has_room_for(old->ignored_routes, nullptr)) {
        return 0;
    }
    const listed_node_ptr now = read(old->text);
    const std::uint64_t number = listed_.put(now);
    note(old, now, number);
    return now->text.size() + entry_cost_bytes;
}

std::vector<node_info> topology::nodes() const {
    std::vector<node_info> nodes;
    nodes.reserve(listed_.in_order.size());
    for (const auto& [number, node] : listed_.in_order) {
        nodes.push_back(node->info);
    }
    return nodes;
}

std::vector<listed_node_ptr> topology::listed() const {
    std::vector<listed_node_ptr> nodes;
    nodes.reserve(listed_.in_order.size());
    for (const auto& [number, node] : listed_.in_order) {
        nodes.push_back(node);
    }
    return nodes;
}

bool topology::has(std::string_view name, std::uint16_t port) const {
    const node_id first{std::string{name}, {}, 0};
    for (auto at = listed_.nodes.lower_bound(first); at != listed_.nodes.end(); ++at) {
        const node_id& id = at->first->info.id;
        if (id.name != name) {
            return false;
        }
        if (id.port == port) {
            return true;
        }
    }
    return false;
}

// Null when the entry is malformed.
std::shared_ptr<listed_node> topology::read(std::string_view text) {
    ++entries_read_;
    if (text.size() > entry_read_bytes_max) {
        return nullptr;
    }
    auto info = read_entry(text);
    if (!info) {
        return nullptr;
    }
    auto made = std::make_shared<listed_node>();
    made->info = std::move(*info);
    made->text = text;
    for (route_info& route : made->info.routes) {
        route.schema = {};
    }
    return made;
}

void topology::limit_routes(listed_node& node, const node_set& in, const listed_node* old) {
    if (!in.has_room_for(node.routes(), old)) {
        node.ignored_routes = node.routes();
        node.info.urls = {};
        node.info.routes = {};
    }
}

} // namespace msd::core
