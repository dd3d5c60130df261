// SPDX-License-Identifier: Apache-2.0
// What becomes of events that were handed out to a group.
#include "store/sqlite/event_groups.hpp"

#include <utility>

namespace msd::store::sqlite {

namespace {

constexpr std::string_view finish_one =
    "DELETE FROM deliveries WHERE name = ? AND position = ? AND lease = ?";
constexpr std::string_view find_tries =
    "SELECT tries, failures FROM deliveries WHERE name = ? AND position = ? AND lease = ?";
// Without its lease, so that it cannot be settled twice.
constexpr std::string_view put_off =
    "UPDATE deliveries SET due_ms = ?, tries = ?, failures = ?, lease = 0, problem = ? "
    "WHERE name = ? AND position = ?";
constexpr std::string_view insert_dead =
    "INSERT OR REPLACE INTO dead_letters(name, position, tries, died_ms, problem) "
    "VALUES (?, ?, ?, ?, ?)";

struct settling {
    const settlement& made;
    const core::redelivery& plan;
    std::int64_t now_ms;
};

// A failed delivery, or one that was returned: then it does not count.
result<bool>
settle_unhandled(connection& on, const settling& all, const leased& each, bool counts) {
    const std::string& group = all.made.group;
    std::int64_t tries = 0;
    std::int64_t failures = 0;
    {
        query held{on, find_tries};
        const auto found = held.bind(group).bind(each.position).bind(each.lease).next();
        if (!found || !*found) {
            return found;
        }
        tries = held.integer(0) - (counts ? 0 : 1);
        failures = held.integer(1) + (counts ? 1 : 0);
    }
    const auto pause = all.plan.pause_after(counts ? failures : 1);
    result<void> done;
    if (pause) {
        query later{on, put_off};
        later.bind(all.now_ms + pause->count()).bind(tries).bind(failures);
        done = later.bind(all.made.problem).bind(group).bind(each.position).run();
    } else {
        query dead{on, insert_dead};
        dead.bind(group).bind(each.position).bind(tries);
        done = dead.bind(all.now_ms).bind(all.made.problem).run();
        query finish{on, finish_one};
        if (done) {
            done = finish.bind(group).bind(each.position).bind(each.lease).run();
        }
    }
    return done ? result<bool>{true} : tl::unexpected{std::move(done.error())};
}

} // namespace

result<std::int64_t> settle_leases(
    connection& on,
    const settlement& made,
    const core::redelivery& plan,
    std::int64_t now_ms
) {
    std::int64_t valid = 0;
    for (const leased& each : made.done) {
        query finish{on, finish_one};
        if (const auto done = finish.bind(made.group).bind(each.position).bind(each.lease).run();
            !done) {
            return tl::unexpected{done.error()};
        }
        valid += on.changes();
    }
    for (const bool counts : {true, false}) {
        for (const leased& each : counts ? made.failed : made.returned) {
            const auto done = settle_unhandled(on, {made, plan, now_ms}, each, counts);
            if (!done) {
                return tl::unexpected{done.error()};
            }
            valid += *done ? 1 : 0;
        }
    }
    return valid;
}

} // namespace msd::store::sqlite
