// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/entity.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// How a store handles events once each, in the same way on every database:
//
//   SERVICE_handled   the events that are handled and may be handed out again
//   SERVICE_consumed  one row: the generation of the group and its floor (store/event_log.hpp)
//
// `Service` is a type with the name of the service as `service`.
namespace msd::store {

// An event for a store: a Change is what it means there.
template <class Change>
struct handled_event {
    std::int64_t position = 0;
    std::string key; // of the event: equal keys are the same event; at most 64 bytes
    Change change;
};

// What a group was handed out (pulled in store/event_log.hpp).
template <class Change>
struct event_batch {
    std::vector<handled_event<Change>> events;
    std::int64_t generation = 0;
    std::int64_t floor = 0;
};

namespace handled_parts {

template <class Service>
constexpr entity_parts::compiled_text of(std::string_view before, std::string_view after) {
    entity_parts::compiled_text made;
    return made.append(before).append(Service::service).append(after);
}

} // namespace handled_parts

template <class On, class Service>
struct handled_sql {
    static constexpr std::string_view create_embedded = entity_parts::literal<[] {
        return handled_parts::of<Service>("CREATE TABLE ", "_handled(")
            .append("event TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;")
            .append(handled_parts::of<Service>("CREATE INDEX ", "_handled_by_position ON "))
            .append(handled_parts::of<Service>("", "_handled(position);"))
            .append(handled_parts::of<Service>("CREATE TABLE ", "_consumed("))
            .append("id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, floor INTEGER NOT NULL);")
            .append(handled_parts::of<Service>("INSERT INTO ", "_consumed VALUES (1, 0, 0);"));
    }()>::text;
    static constexpr std::string_view lock_state = entity_parts::literal<[] {
        return handled_parts::of<Service>(
                   "SELECT generation, floor FROM ",
                   "_consumed WHERE id = 1"
        )
            .append(On::for_update);
    }()>::text;
    static constexpr std::string_view set_state = entity_parts::literal<[] {
        return handled_parts::of<Service>(
            "UPDATE ",
            "_consumed SET generation = ?, floor = ? WHERE id = 1"
        );
    }()>::text;
    static constexpr std::string_view find = entity_parts::literal<[] {
        return handled_parts::of<Service>("SELECT position FROM ", "_handled WHERE event = ?");
    }()>::text;
    static constexpr std::string_view insert = entity_parts::literal<[] {
        return handled_parts::of<Service>(
            "INSERT INTO ",
            "_handled(event, position) VALUES (?, ?)"
        );
    }()>::text;
    static constexpr std::string_view remove_finished = entity_parts::literal<[] {
        return handled_parts::of<Service>("DELETE FROM ", "_handled WHERE position <= ?");
    }()>::text;
    static constexpr std::string_view remove_all = entity_parts::literal<[] {
        return handled_parts::of<Service>("DELETE FROM ", "_handled");
    }()>::text;
};

/// In a transaction: calls `apply(change)` for each event that was not handled before, in their
/// order, and notes it; both return result<void>. `reset()` is called first when the group begins
/// again: it removes what was made of the events, or does nothing where they cannot be handled a
/// second time; then it returns false and their notes stay. Returns how many events were new.
/// errc::conflict: the batch is of an earlier generation, and nothing was done.
template <class On, class Service, class Change, class Apply, class Reset>
result<std::int64_t> handle_once(
    typename On::connection& on,
    const event_batch<Change>& batch,
    Apply apply,
    Reset reset
) {
    using sql = handled_sql<On, Service>;
    using query = typename On::query;
    const auto executed = [](query& statement) -> result<void> {
        const auto done = statement.run();
        return done ? result<void>{} : tl::unexpected{done.error()};
    };
    std::int64_t generation = 0;
    std::int64_t floor = 0;
    {
        query state{on, sql::lock_state};
        const auto found = state.next();
        if (!found) {
            return tl::unexpected{found.error()};
        }
        generation = *found ? state.integer(0) : 0;
        floor = *found ? state.integer(1) : 0;
    }
    if (batch.generation < generation) {
        return fail(errc::conflict, "the events are of an earlier generation of the group");
    }
    const bool is_new = batch.generation > generation;
    if (is_new) {
        const result<bool> removed = reset();
        if (!removed) {
            return tl::unexpected{removed.error()};
        }
        query notes{on, sql::remove_all};
        if (auto done = *removed ? executed(notes) : result<void>{}; !done) {
            return tl::unexpected{std::move(done.error())};
        }
        floor = 0;
    }
    std::int64_t count = 0;
    for (const handled_event<Change>& each : batch.events) {
        query note{on, sql::find};
        const auto is_known = note.bind(std::string_view{each.key}).next();
        if (!is_known) {
            return tl::unexpected{is_known.error()};
        }
        // Below the floor the note may be gone: a consumer that was suspended for long.
        if (*is_known || each.position <= floor) {
            continue;
        }
        query insert{on, sql::insert};
        insert.bind(std::string_view{each.key}).bind(each.position);
        if (auto done = executed(insert); !done) {
            return tl::unexpected{std::move(done.error())};
        }
        if (auto done = apply(each.change); !done) {
            return tl::unexpected{std::move(done.error())};
        }
        ++count;
    }
    if (is_new || batch.floor > floor) {
        query notes{on, sql::remove_finished};
        query state{on, sql::set_state};
        const std::int64_t reached = std::max(batch.floor, floor);
        auto done = executed(notes.bind(reached));
        if (done) {
            done = executed(state.bind(batch.generation).bind(reached));
        }
        if (!done) {
            return tl::unexpected{std::move(done.error())};
        }
    }
    return count;
}

} // namespace msd::store
