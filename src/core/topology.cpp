// SPDX-License-Identifier: Apache-2.0
#include "core/topology.hpp"

#include "core/registration.hpp"
#include "core/topology_frames.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

namespace msd::core {

namespace {

std::optional<std::uint64_t> number(const json::object& fields, std::string_view name) {
    const json::value* const found = fields.find(name);
    return found != nullptr ? found->as_uint64() : std::nullopt;
}

// A foreign distributor may list the workers of one node separately: the first entry counts.
void append_entries(std::vector<node_info>& nodes, const std::vector<json::value>& entries) {
    std::set<node_id> seen;
    for (const node_info& node : nodes) {
        seen.insert(node.id);
    }
    for (const json::value& entry : entries) {
        auto node = read_entry(entry.text);
        if (node && nodes.size() < nodes_max && seen.insert(node->id).second) {
            nodes.push_back(std::move(*node));
        }
    }
}

} // namespace

std::string topology::packet() const {
    std::string entries;
    for (const node_info& node : nodes_) {
        entries += entries.empty() ? "" : ",";
        const std::string entry = msd_entry(node);
        entries += node.critical ? as_critical(entry) : entry;
    }
    std::string frame = snapshot_frame({epoch_, rev_}, {entries, 0, false});
    frame.resize(frame.size() - wire::terminator.size());
    return frame;
}

result<topology::outcome> topology::apply(const wire::packet& packet) {
    const bool is_topology = packet.kind() == wire::packet_kind::request &&
                             packet.uri() == registry_uri && packet.method() == "GET";
    if (!is_topology) {
        return outcome::ignored;
    }
    const json::object& fields = packet.fields();
    if (number(fields, "proto").value_or(1) >= wire::protocol_version) {
        return apply_from_msd(fields);
    }
    const json::value* const list = packet.raw_params();
    if (list == nullptr) {
        return fail(errc::malformed, "the list of nodes has no params");
    }
    return apply_list(*list);
}

result<topology::outcome> topology::apply_list(const json::value& list) {
    const auto entries = json::elements(list.text);
    if (!entries) {
        return fail(errc::malformed, "the list of nodes is not an array");
    }
    std::vector<node_info> listed;
    append_entries(listed, *entries);
    from_msd_ = false;
    epoch_ = rev_ = 0;
    parts_.clear();
    next_part_ = 0;
    if (listed == nodes_) {
        return outcome::unchanged;
    }
    replace_all(std::move(listed));
    return outcome::changed;
}

result<topology::outcome> topology::apply_from_msd(const json::object& fields) {
    const auto epoch = number(fields, "epoch");
    const auto rev = number(fields, "rev");
    if (!epoch || !rev) {
        return fail(errc::malformed, "the packet of the registry has no epoch and rev");
    }
    const revision now{*epoch, *rev};
    if (const json::value* const changes = fields.find("changes")) {
        return apply_changes(fields, *changes, now);
    }
    if (const json::value* const list = fields.find("params")) {
        return apply_part(fields, *list, now);
    }
    from_msd_ = true;
    return outcome::unchanged;
}

result<topology::outcome>
topology::apply_part(const json::object& fields, const json::value& list, const revision& now) {
    const auto entries = json::elements(list.text);
    if (!entries) {
        return fail(errc::malformed, "the snapshot of nodes is not an array");
    }
    from_msd_ = true;
    const std::uint64_t index = number(fields, "part").value_or(0);
    if (index == 0) {
        parts_.clear();
        next_part_ = 0;
    }
    if (index != next_part_) {
        return outcome::gap;
    }
    ++next_part_;
    append_entries(parts_, *entries);
    const json::value* const more = fields.find("more");
    if (more != nullptr && more->as_bool().value_or(false)) {
        return outcome::incomplete;
    }
    epoch_ = now.epoch;
    rev_ = now.rev;
    next_part_ = 0;
    std::vector<node_info> listed = std::exchange(parts_, {});
    if (listed == nodes_) {
        return outcome::unchanged;
    }
    replace_all(std::move(listed));
    return outcome::changed;
}

result<topology::outcome> topology::apply_changes(
    const json::object& fields,
    const json::value& changes,
    const revision& now
) {
    json::object members;
    const auto parsed = members.parse(changes.text);
    const json::value* const add_list = members.find("add");
    const json::value* const remove_list = members.find("remove");
    if (!parsed || add_list == nullptr || remove_list == nullptr) {
        return fail(errc::malformed, "the changes have neither add nor remove");
    }
    const auto added = json::elements(add_list->text);
    const auto removed = json::elements(remove_list->text);
    if (!added || !removed) {
        return fail(errc::malformed, "add or remove of the changes is not an array");
    }
    from_msd_ = true;
    if (now.epoch != epoch_ || number(fields, "since") != rev_) {
        return outcome::gap;
    }
    remove_all(*removed);
    for (const json::value& entry : *added) {
        if (auto node = read_entry(entry.text)) {
            add(std::move(*node));
        }
    }
    rev_ = now.rev;
    const bool any = !added->empty() || !removed->empty();
    return any ? outcome::changed : outcome::unchanged;
}

void topology::replace_all(std::vector<node_info>&& listed) {
    nodes_ = std::move(listed);
    sort_places();
}

void topology::remove_all(const std::vector<json::value>& identities) {
    std::set<node_id> gone;
    for (const json::value& identity : identities) {
        if (auto id = read_identity(identity.text)) {
            gone.insert(std::move(*id));
        }
    }
    if (std::erase_if(nodes_, [&](const node_info& node) { return gone.contains(node.id); }) > 0) {
        sort_places();
    }
}

// A node that changed keeps its place.
void topology::add(node_info&& node) {
    const auto at = find_place(node.id);
    if (at != places_.end() && nodes_[*at].id == node.id) {
        nodes_[*at] = std::move(node);
    } else if (nodes_.size() < nodes_max) {
        places_.insert(at, nodes_.size());
        nodes_.push_back(std::move(node));
    }
}

// The position of `id` among the sorted places, or where it would be inserted.
std::vector<std::size_t>::iterator topology::find_place(const node_id& id) {
    return std::lower_bound(
        places_.begin(),
        places_.end(),
        id,
        [this](std::size_t place, const node_id& wanted) { return nodes_[place].id < wanted; }
    );
}

void topology::sort_places() {
    places_.resize(nodes_.size());
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    std::sort(places_.begin(), places_.end(), [this](std::size_t one, std::size_t other) {
        return nodes_[one].id < nodes_[other].id;
    });
}

} // namespace msd::core
