// SPDX-License-Identifier: Apache-2.0
// How a node list is handed over to another process.
#include "core/node_list.hpp"

#include <algorithm>
#include <limits>

namespace msd::core {

namespace {

constexpr std::size_t holders_max = std::size_t{4} * nodes_max;

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

void write_use(binary_writer& out, const room_use& use) {
    out.number(use.entries).number(use.foreign_bytes).number(use.msd_bytes).number(use.routes);
}

room_use read_use(binary_reader& in) {
    room_use use;
    use.entries = in.number(1);
    use.foreign_bytes = in.number(entry_bytes_max);
    use.msd_bytes = in.number(entry_bytes_max);
    use.routes = in.number(urls_max);
    return use;
}

void write_claims(binary_writer& out, const node_claims& claims, std::size_t listed) {
    out.number(claims.all().size()).number(listed);
    for (const node_claims::claim& each : claims.all()) {
        out.text(each.what->foreign).text(each.what->msd).number(each.what->routes);
        out.flag(each.what->has_routes).number(each.since).number(each.made_by);
        out.time(each.until).text(each.address);
    }
}

} // namespace

void node_list::write(binary_writer& out) const {
    out.number(epoch_).number(rev_).number(foreign_changes_).number(last_place_);
    out.number(last_claim_).number(nodes_.size());
    for (const auto& [where, node] : nodes_) {
        out.number(where);
        write_id(out, *node.id);
        write_claims(out, node.claims, node.claims.find(node.listed.get()));
        out.number(static_cast<std::uint64_t>(node.state)).time(node.until).time(node.since);
    }
    out.number(holdings_.size());
    for (const auto& [id, each] : holdings_) {
        out.number(id).number(each.where);
        out.number(nodes_.at(each.where).claims.find(each.what));
        out.flag(each.is_proven).flag(each.has_contradicted);
    }
    out.number(room_.known().size());
    for (const auto& [id, known] : room_.known()) {
        write_id(out, id);
        write_use(out, known.use);
        out.text(known.address).time(known.until);
    }
    out.number(log_begin_).number(forgotten_rev_).number(log_.size());
    for (const change& made : log_) {
        out.number(made.rev).flag(made.removed);
        write_id(out, *made.id);
    }
}

result<node_list> node_list::read(
    binary_reader& in,
    const settings& chosen,
    const std::function<bool(holder_id)>& may_hold
) {
    node_list made{in.number(), chosen};
    made.rev_ = in.counter();
    made.foreign_changes_ = in.counter();
    made.last_place_ = in.counter();
    made.last_claim_ = in.counter();
    if (!made.read_members(in) || !made.read_holdings(in, may_hold) || !made.read_known(in) ||
        !made.read_log(in) || in.failed()) {
        return fail(errc::malformed, "the state of the node list is malformed");
    }
    return made;
}

bool node_list::read_members(binary_reader& in) {
    place before = 0;
    for (std::size_t left = in.count(nodes_max); left > 0; --left) {
        const place where = in.number(last_place_);
        member& node = nodes_[where];
        node.id = std::make_shared<const node_id>(read_id(in));
        const bool has_claims = read_claims(in, where, node);
        const auto state = in.number(static_cast<std::uint64_t>(standing::critical));
        node.state = static_cast<standing>(state);
        node.until = in.time();
        node.since = in.time();
        const bool ends = node.until != time_point::max();
        if (in.failed() || !has_claims || where <= before || node.since == time_point::max() ||
            ends != (node.state != standing::present) || !index_.emplace(*node.id, where).second) {
            return false;
        }
        if (ends) {
            expiries_.emplace(node.until, where);
        }
        before = where;
    }
    return true;
}

bool node_list::read_claims(binary_reader& in, place where, member& into) {
    const std::size_t count = in.count(2 * node_claims::claims_max);
    const std::uint64_t listed = in.number();
    for (std::size_t left = count; left > 0 && !in.failed(); --left) {
        node_description described;
        described.foreign = in.text(entry_bytes_max);
        described.msd = in.text(entry_bytes_max);
        described.routes = in.number(urls_max);
        described.has_routes = in.flag();
        node_claims::claim each;
        each.since = in.number(last_claim_);
        each.made_by = in.number();
        each.until = in.time();
        each.address = in.text(host_bytes_max);
        if (!is_object(described.foreign) || !(described.msd.empty() || is_object(described.msd))) {
            return false;
        }
        if (each.until != time_point::max()) {
            claim_expiries_.emplace(each.until, where);
        }
        each.what = std::make_shared<const node_description>(std::move(described));
        static_cast<void>(into.claims.add(std::move(each)));
    }
    if (in.failed() || listed >= into.claims.all().size()) {
        return false;
    }
    into.listed = into.claims.at(listed).what;
    return true;
}

// Afterwards all claims are complete, so that they can be charged.
bool node_list::read_holdings(binary_reader& in, const std::function<bool(holder_id)>& may_hold) {
    holder_id before = 0;
    for (std::size_t left = in.count(holders_max); left > 0; --left) {
        const holder_id id = in.number();
        const place where = in.number();
        const std::uint64_t claim = in.number();
        const bool is_proven = in.flag();
        const bool has_contradicted = in.flag();
        const auto found = nodes_.find(where);
        if (in.failed() || id <= before || !may_hold(id) || found == nodes_.end() ||
            claim >= found->second.claims.all().size()) {
            return false;
        }
        add_holder({id, {}, is_proven}, where, claim);
        holdings_.at(id).has_contradicted = has_contradicted;
        before = id;
    }
    for (const auto& [where, node] : nodes_) {
        charge(node);
        if (node.claims.has_contradiction(*node.listed)) {
            contested_.insert(where);
        }
        const auto& all = node.claims.all();
        // A node is critical exactly when no connection holds it; claims without holders end.
        const bool ends_right = std::all_of(all.begin(), all.end(), [](const auto& each) {
            return (each.holders == 0) == (each.until != time_point::max());
        });
        if (!ends_right || node.critical() != (node.holders == 0)) {
            return false;
        }
    }
    return true;
}

bool node_list::read_known(binary_reader& in) {
    for (std::size_t left = in.count(nodes_max); left > 0; --left) {
        const node_id id = read_id(in);
        registry_room::known_node known;
        known.use = read_use(in);
        known.address = in.text(host_bytes_max);
        known.until = in.time();
        if (in.failed() || index_.contains(id) || room_.find_known(id) != nullptr) {
            return false;
        }
        room_.keep_room(id, std::move(known));
    }
    return true;
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
