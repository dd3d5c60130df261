// SPDX-License-Identifier: Apache-2.0
// How connections register and describe nodes.
#include "core/node_list.hpp"

#include <algorithm>
#include <cassert>

namespace msd::core {

namespace {

// The second registration of an msd node adds the routes to its first one.
bool adds_routes(const node_description& before, const node_description& after) {
    return !before.has_routes && after.has_routes && !contradicts(before, after);
}

// The first registration of an msd node has no routes: those that the connection registered before
// stay valid.
bool keeps_routes(const node_description& before, const node_description& after) {
    return before.has_routes && !after.has_routes && !contradicts(before, after);
}

} // namespace

result<void>
node_list::enroll(const holder& by, const node_info& node, time_point now, completeness how_much) {
    expire(now);
    auto described = std::make_shared<const node_description>(describe(node));
    if (described->foreign.size() > entry_bytes_max || described->msd.size() > entry_bytes_max) {
        return fail(
            errc::too_large,
            "the registration is larger than " + std::to_string(entry_bytes_max) + " bytes"
        );
    }
    const auto known = index_.find(node.id);
    const auto held = holdings_.find(by.id);
    const bool is_new = known == index_.end();
    result<void> done;
    if (is_new) {
        done = insert(by, node.id, std::move(described), now);
    } else if (held != holdings_.end() && held->second.where == known->second) {
        done = describe_again(by, known->second, std::move(described), now);
    } else {
        done = join(by, known->second, std::move(described), now);
    }
    if (!done) {
        return done;
    }
    const place where = holdings_.at(by.id).where;
    if (how_much == completeness::complete) {
        announce(where);
    } else if (is_new) {
        put(where, standing::unannounced, now + settings_.announce_within);
    }
    note_contradiction(by.id);
    return {};
}

// A node that is not listed.
result<void> node_list::insert(
    const holder& by,
    const node_id& id,
    node_claims::text described,
    time_point now
) {
    if (auto room = room_.check(request_of(by, id, *described)); !room) {
        return room;
    }
    // The entry of a connection that registers another node keeps its place.
    const std::optional<place> freed = leave_node(by.id, now);
    const place where = freed ? *freed : ++last_place_;
    room_.release_room(id);
    member& made = nodes_[where];
    made.id = std::make_shared<const node_id>(id);
    made.state = standing::unannounced;
    made.since = now;
    made.listed = described;
    const std::size_t claim = add_claim(by, made, std::move(described), ++last_claim_);
    charge(made);
    add_holder(by, where, claim);
    index_.emplace(id, where);
    ++foreign_changes_;
    report(event::joined, made);
    return {};
}

// A node that other connections hold, or that is critical.
result<void>
node_list::join(const holder& by, place where, node_claims::text described, time_point now) {
    const bool is_claimed = nodes_.at(where).claims.match(*described) != node_claims::none;
    if (!is_claimed) {
        drop_unheld_claims(nodes_.at(where), now);
        if (auto room = check_room(by, where, node_claims::none, described); !room) {
            return room;
        }
    }
    static_cast<void>(leave_node(by.id, now));
    if (nodes_.at(where).critical()) {
        where = take_back(where);
    } else {
        ++foreign_changes_;
    }
    member& node = nodes_.at(where);
    discharge(node);
    const std::size_t claim = is_claimed ? node.claims.match(*described)
                                         : add_claim(by, node, std::move(described), ++last_claim_);
    charge(node);
    add_holder(by, where, claim);
    relist(where);
    return {};
}

// A node that the connection holds already.
result<void> node_list::describe_again(
    const holder& by,
    place where,
    node_claims::text described,
    time_point now
) {
    member& node = nodes_.at(where);
    const holding mine = holdings_.at(by.id);
    if (*mine.what == *described || keeps_routes(*mine.what, *described)) {
        return {};
    }
    std::size_t claim = node.claims.match(*described);
    if (claim == node_claims::none) {
        drop_unheld_claims(node, now);
        const std::size_t own = node.claims.find(mine.what);
        const bool is_only = node.claims.at(own).holders == 1;
        const bool is_same_claim = adds_routes(*mine.what, *described);
        const std::size_t replaced = is_only ? own : node_claims::none;
        if (auto room = check_room(by, where, replaced, described); !room) {
            return room;
        }
        discharge(node);
        // Only its first holder changes a claim without losing its age.
        const bool keeps_age = is_same_claim || (is_only && node.claims.at(own).made_by == by.id);
        const std::uint64_t since = keeps_age ? node.claims.at(own).since : ++last_claim_;
        claim = add_claim(by, node, std::move(described), since);
        charge(node);
    }
    discharge(node);
    leave_claim(node, where, mine, now);
    add_holder(by, where, claim);
    relist(where);
    // Nobody would miss the age of a claim that its only holder has changed.
    const std::size_t own = node.claims.find(mine.what);
    const node_claims::claim& left = node.claims.at(own);
    const bool is_continued = !contradicts(*left.what, *holdings_.at(by.id).what);
    if (left.holders == 0 && (left.made_by == by.id || is_continued)) {
        node.claims.remove(own);
    }
    charge(node);
    return {};
}

registry_room::request
node_list::request_of(const holder& by, const node_id& id, const node_description& added) const {
    registry_room::request wanted;
    wanted.address = by.is_proven ? std::string_view{} : by.address;
    wanted.wanted = {1, added.foreign.size(), added.msd.size(), added.routes, 0};
    wanted.wanted_of_address = wanted.wanted;
    if (const auto* known = room_.find_known(id)) {
        wanted.freed = known->use;
        wanted.freed_of_address = known->address == by.address ? known->use : room_use{};
    }
    const auto held = holdings_.find(by.id);
    if (held == holdings_.end() || nodes_.at(held->second.where).holders > 1) {
        return wanted;
    }
    const node_claims& left = nodes_.at(held->second.where).claims;
    wanted.freed += left.use();
    for (std::size_t claim = 0; claim < left.all().size(); ++claim) {
        if (left.all()[claim].address == by.address) {
            wanted.freed_of_address += left.use_of(claim);
        }
    }
    return wanted;
}

// Whether a node that is listed can have one more claim, instead of the claim `replaced`, if any.
result<void> node_list::check_room(
    const holder& by,
    place where,
    std::size_t replaced,
    const node_claims::text& added
) const {
    node_claims claims = nodes_.at(where).claims;
    const bool is_replaced = replaced != node_claims::none;
    if (claims.is_full() && !is_replaced) {
        return fail(
            errc::refused,
            "connections describe this node in " + std::to_string(node_claims::claims_max) +
                " different ways already"
        );
    }
    registry_room::request wanted;
    wanted.address = by.is_proven ? std::string_view{} : by.address;
    wanted.freed = claims.use();
    std::size_t changed = replaced;
    if (!is_replaced) {
        changed = claims.add({added, 0, by.id, 0, 0, {}, {}});
    } else {
        if (claims.at(replaced).address == by.address) {
            wanted.freed_of_address = claims.use_of(replaced);
        }
        claims.at(replaced).what = added;
    }
    wanted.wanted = claims.use();
    wanted.wanted_of_address = claims.use_of(changed);
    return room_.check(wanted);
}

std::size_t node_list::add_claim(
    const holder& by,
    member& into,
    node_claims::text described,
    std::uint64_t since
) {
    node_claims::claim made;
    made.what = std::move(described);
    made.since = since;
    made.made_by = by.id;
    made.address = by.is_proven ? std::string_view{} : by.address;
    return into.claims.add(std::move(made));
}

void node_list::add_holder(const holder& by, place where, std::size_t claim) {
    member& node = nodes_.at(where);
    node_claims::claim& joined = node.claims.at(claim);
    ++joined.holders;
    joined.proven += by.is_proven ? 1 : 0;
    joined.until = time_point::max();
    ++node.holders;
    holding& made = holdings_[by.id];
    made.where = where;
    made.what = joined.what.get();
    made.is_proven = by.is_proven;
}

// The holder itself stays in holdings_.
void node_list::leave_claim(member& from, place where, const holding& of, time_point now) {
    node_claims::claim& left = from.claims.at(from.claims.find(of.what));
    assert(left.holders > 0 && from.holders > 0);
    --left.holders;
    left.proven -= of.is_proven ? 1 : 0;
    --from.holders;
    if (left.holders == 0) {
        left.until = now + settings_.critical_for;
        claim_expiries_.emplace(left.until, where);
    }
}

// Returns the place of its node.
node_list::place node_list::remove_holder(holder_id id, time_point now) {
    const auto found = holdings_.find(id);
    assert(found != holdings_.end());
    const place where = found->second.where;
    leave_claim(nodes_.at(where), where, found->second, now);
    holdings_.erase(found);
    ++foreign_changes_;
    relist(where);
    return where;
}

// The connection registers another node instead. Returns the place of its node when that is free.
std::optional<node_list::place> node_list::leave_node(holder_id of, time_point now) {
    if (!holds(of)) {
        return std::nullopt;
    }
    const place where = remove_holder(of, now);
    if (nodes_.at(where).holders > 0) {
        return std::nullopt;
    }
    erase(where, event::deregistered);
    return where;
}

void node_list::withdraw(holder_id of, time_point now) {
    const place where = remove_holder(of, now);
    if (nodes_.at(where).holders == 0) {
        keep_room(nodes_.at(where), now);
        erase(where, event::deregistered);
    }
}

void node_list::lose(holder_id of, time_point now) {
    const place where = remove_holder(of, now);
    if (nodes_.at(where).holders > 0) {
        return;
    }
    announce(where);
    put(where, standing::critical, now + settings_.critical_for);
    record_state(nodes_.at(where), false);
    report(event::lost, nodes_.at(where));
}

void node_list::prove(holder_id of) {
    const auto found = holdings_.find(of);
    if (found == holdings_.end() || std::exchange(found->second.is_proven, true)) {
        return;
    }
    node_claims& claims = nodes_.at(found->second.where).claims;
    ++claims.at(claims.find(found->second.what)).proven;
    relist(found->second.where);
}

// The strongest claim is the one that is sent.
void node_list::relist(place where) {
    member& node = nodes_.at(where);
    const std::size_t best = node.claims.strongest();
    if (best != node_claims::none && node.claims.at(best).what != node.listed) {
        const auto before = std::exchange(node.listed, node.claims.at(best).what);
        if (*before != *node.listed && node.announced()) {
            record_revision(node, false);
        }
        foreign_changes_ += before->foreign == node.listed->foreign ? 0 : 1;
    }
    if (node.claims.has_contradiction(*node.listed)) {
        contested_.insert(where);
    } else {
        contested_.erase(where);
    }
}

void node_list::note_contradiction(holder_id by) {
    holding& mine = holdings_.at(by);
    const member& node = nodes_.at(mine.where);
    if (!mine.has_contradicted && contradicts(*node.listed, *mine.what)) {
        mine.has_contradicted = true;
        report(event::contradicted, node, by);
    }
}

void node_list::charge(const member& node) {
    room_.take(node.claims.use());
    for (std::size_t claim = 0; claim < node.claims.all().size(); ++claim) {
        room_.charge(node.claims.all()[claim].address, node.claims.use_of(claim));
    }
}

void node_list::discharge(const member& node) {
    room_.give_back(node.claims.use());
    for (std::size_t claim = 0; claim < node.claims.all().size(); ++claim) {
        room_.discharge(node.claims.all()[claim].address, node.claims.use_of(claim));
    }
}

// `gone` leaves, and may return to a registry that is full by then.
void node_list::keep_room(const member& gone, time_point now) {
    const time_point left = gone.critical() ? gone.until - settings_.critical_for : now;
    const auto stayed = std::chrono::duration_cast<milliseconds>(left - gone.since);
    room_use use = gone.claims.use();
    use.extra_bytes = 0;
    const std::size_t listed = gone.claims.find(gone.listed.get());
    const std::string& address = gone.claims.all().at(listed).address;
    const time_point until = now + std::min(stayed, settings_.limits.known_for);
    if (until > now) {
        room_.keep_room(*gone.id, {address, use, until});
    }
}

// A claim without holders has no age to lose when the node has too many of them.
void node_list::drop_unheld_claims(member& of, time_point now) {
    if (of.claims.is_full()) {
        discharge(of);
        of.claims.expire(now + settings_.critical_for, of.listed.get());
        charge(of);
    }
}

std::vector<node_list::contradiction> node_list::contradictions(std::size_t count_max) const {
    std::vector<contradiction> found;
    std::map<place, std::size_t> index;
    for (const place where : contested_) {
        if (found.size() == count_max) {
            break;
        }
        index.emplace(where, found.size());
        const member& node = nodes_.at(where);
        found.push_back({*node.id, node.listed->routes, {}});
    }
    for (const auto& [id, each] : holdings_) {
        const auto of = index.find(each.where);
        if (of == index.end() || found[of->second].others.size() == count_max) {
            continue;
        }
        if (contradicts(*nodes_.at(each.where).listed, *each.what)) {
            found[of->second].others.push_back({id, each.what->routes});
        }
    }
    return found;
}

} // namespace msd::core
