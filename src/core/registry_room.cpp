// SPDX-License-Identifier: Apache-2.0
#include "core/registry_room.hpp"

#include <array>

namespace msd::core {

namespace {

// A listed node may always grow by this much, also where strangers are refused: a new version of a
// service has other routes.
constexpr std::size_t growth_divisor = 4;
constexpr std::size_t growth_bytes = 256;
constexpr std::size_t growth_routes = 8;

struct limit_name {
    std::size_t room_use::*field;
    std::string_view of;  // for texts: what is limited
    std::string_view key; // the configuration key of the limit of an address; may be empty
    std::size_t growth;   // that is always allowed
};

constexpr std::array<limit_name, 5> all_limits{{
    {&room_use::entries, "nodes", "registry.entries_per_address_max", 0},
    {&room_use::foreign_bytes, "bytes of the list", "", growth_bytes},
    {&room_use::msd_bytes, "bytes of descriptions", "", growth_bytes},
    {&room_use::routes, "routes", "registry.routes_per_address_max", growth_routes},
    {&room_use::extra_bytes, "bytes of contradicting descriptions", "", 0},
}};

// Extra bytes have limits of their own.
bool grows_little(const registry_room::request& wanted) {
    if (wanted.freed.entries == 0) {
        return false;
    }
    for (const limit_name& each : all_limits) {
        if (each.field == &room_use::extra_bytes) {
            continue;
        }
        const std::size_t now = wanted.freed.*each.field;
        if (wanted.wanted.*each.field > now + now / growth_divisor + each.growth) {
            return false;
        }
    }
    return true;
}

} // namespace

room_use& room_use::operator+=(const room_use& other) {
    for (const limit_name& each : all_limits) {
        this->*each.field += other.*each.field;
    }
    return *this;
}

room_use& room_use::operator-=(const room_use& other) {
    for (const limit_name& each : all_limits) {
        this->*each.field -= other.*each.field;
    }
    return *this;
}

result<void> registry_room::check(const request& wanted) const {
    const bool grows_little_only = grows_little(wanted);
    const auto account = by_address_.find(wanted.address);
    for (const limit_name& each : all_limits) {
        const bool is_small_growth = grows_little_only && each.field != &room_use::extra_bytes;
        const std::size_t most = limits_.total.*each.field;
        const std::size_t reserved = is_small_growth ? 0 : most / 100 * limits_.reserved_percent;
        const std::size_t before = used_.*each.field;
        const std::size_t after = before - wanted.freed.*each.field + wanted.wanted.*each.field;
        if (after > before && after > most - reserved) {
            return fail(
                errc::refused,
                "the registry is full: it has room for " + std::to_string(most - reserved) + " " +
                    std::string{each.of} + (reserved > 0 ? " of new nodes" : "")
            );
        }
        if (wanted.address.empty() || is_small_growth) {
            continue;
        }
        const std::size_t own = account == by_address_.end() ? 0 : account->second.*each.field;
        const std::size_t own_after =
            own - wanted.freed_of_address.*each.field + wanted.wanted_of_address.*each.field;
        const std::size_t own_most = limits_.per_address.*each.field;
        if (own_after > own && own_after > own_most) {
            return fail(
                errc::refused,
                "the registry takes at most " + std::to_string(own_most) + " " +
                    std::string{each.of} + " from " + std::string{wanted.address} +
                    (each.key.empty() ? "" : " (" + std::string{each.key} + ")")
            );
        }
    }
    return {};
}

void registry_room::charge(const std::string& address, const room_use& use) {
    if (!address.empty()) {
        by_address_[address] += use;
    }
}

void registry_room::discharge(const std::string& address, const room_use& use) {
    const auto account = by_address_.find(address);
    if (account == by_address_.end()) {
        return;
    }
    account->second -= use;
    if (account->second == room_use{}) {
        by_address_.erase(account);
    }
}

void registry_room::keep_room(const node_id& id, known_node&& left) {
    release_room(id);
    take(left.use);
    charge(left.address, left.use);
    known_until_.emplace(left.until, id);
    known_.emplace(id, std::move(left));
}

void registry_room::release_room(const node_id& id) {
    const auto found = known_.find(id);
    if (found == known_.end()) {
        return;
    }
    give_back(found->second.use);
    discharge(found->second.address, found->second.use);
    known_until_.erase({found->second.until, id});
    known_.erase(found);
}

const registry_room::known_node* registry_room::find_known(const node_id& id) const {
    const auto found = known_.find(id);
    return found == known_.end() ? nullptr : &found->second;
}

void registry_room::expire(time_point now) {
    while (!known_until_.empty() && known_until_.begin()->first <= now) {
        const node_id id = known_until_.begin()->second;
        release_room(id);
    }
}

room_use registry_room::used_by(const std::string& address) const {
    const auto account = by_address_.find(address);
    return account == by_address_.end() ? room_use{} : account->second;
}

} // namespace msd::core
