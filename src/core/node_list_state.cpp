// SPDX-License-Identifier: Apache-2.0
// How a node list is handed over to another process.
#include "core/node_list.hpp"

#include <algorithm>
#include <limits>

namespace msd::core {

namespace {

void write_id(binary_writer& out, const node_id& id) {
    out.text(id.name).text(id.host).number(id.port);
}

node_id read_id(binary_reader& in) {
    node_id id;
    id.name = in.text(name_bytes_max);
    id.host = in.text(host_bytes_max);
    id.port = static_cast<std::uint16_t>(in.number(std::numeric_limits<std::uint16_t>::max()));
    return id;
}

bool is_object(std::string_view text) {
    return text.starts_with('{') && text.ends_with('}') && text.size() > 1;
}

} // namespace

void node_list::write(binary_writer& out) const {
    out.number(epoch_).number(rev_).number(foreign_changes_).number(last_place_);
    out.number(nodes_.size());
    for (const auto& [where, node] : nodes_) {
        out.number(where);
        write_id(out, *node.id);
        out.text(node.foreign_text).text(node.msd_text).flag(node.has_routes);
        out.number(static_cast<std::uint64_t>(node.state)).time(node.until);
    }
    out.number(log_begin_).number(forgotten_rev_).number(log_.size());
    for (const change& made : log_) {
        out.number(made.rev).flag(made.removed);
        write_id(out, *made.id);
    }
}

result<node_list> node_list::read(
    binary_reader& in,
    milliseconds critical_for,
    milliseconds announce_within,
    std::span<const place> holds
) {
    node_list made{in.number(), critical_for, announce_within};
    made.rev_ = in.counter();
    made.foreign_changes_ = in.counter();
    made.last_place_ = in.counter();
    if (!made.read_members(in, holds) || !made.read_log(in) || in.failed()) {
        return fail(errc::malformed, "the state of the node list is malformed");
    }
    return made;
}

bool node_list::read_members(binary_reader& in, std::span<const place> holds) {
    place before = 0;
    for (std::size_t left = in.count(nodes_max); left > 0; --left) {
        const place where = in.number(last_place_);
        member& node = nodes_[where];
        node.id = std::make_shared<const node_id>(read_id(in));
        node.foreign_text = in.text(entry_bytes_max);
        node.msd_text = in.text(entry_bytes_max);
        node.has_routes = in.flag();
        const auto state = in.number(static_cast<std::uint64_t>(standing::critical));
        node.state = static_cast<standing>(state);
        node.until = in.time();
        const bool ends = node.until != time_point::max();
        const bool is_readable =
            is_object(node.foreign_text) && (node.msd_text.empty() || is_object(node.msd_text));
        if (in.failed() || where <= before || !is_readable ||
            ends != (node.state != standing::present) || !index_.emplace(*node.id, where).second) {
            return false;
        }
        if (ends) {
            expiries_.emplace(node.until, where);
        }
        count_bytes(node, 1);
        before = where;
    }
    for (const place held : holds) {
        const auto found = nodes_.find(held);
        if (found == nodes_.end()) {
            return false;
        }
        ++found->second.holders;
    }
    // A node is critical exactly when no connection holds it.
    return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
        return each.second.critical() == (each.second.holders == 0);
    });
}

bool node_list::read_log(binary_reader& in) {
    log_begin_ = in.counter();
    forgotten_rev_ = in.number(rev_);
    std::uint64_t before = forgotten_rev_;
    std::map<node_id, std::shared_ptr<const node_id>> gone;
    for (std::size_t left = in.count(changes_kept_max); left > 0; --left) {
        const std::uint64_t rev = in.number(rev_ + 1);
        const bool removed = in.flag();
        const node_id id = read_id(in);
        if (in.failed() || rev < before) {
            return false;
        }
        before = rev;
        const auto present = index_.find(id);
        if (present != index_.end()) {
            log_.push_back({rev, nodes_.at(present->second).id, removed});
            continue;
        }
        auto& shared = gone[id];
        if (!shared) {
            shared = std::make_shared<const node_id>(id);
        }
        log_.push_back({rev, shared, removed});
    }
    return true;
}

} // namespace msd::core
