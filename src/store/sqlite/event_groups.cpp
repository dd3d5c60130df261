// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/event_groups.hpp"

#include <algorithm>
#include <utility>

namespace msd::store::sqlite {

// event_groups   one row for each group: all events up to `position` have been looked at
// deliveries     of these, one row for each event that the group has not finished: handed out until
//                due_ms under a lease, or waiting until then (0: for its first delivery);
//                `failures`: of its `tries`, those that a consumer has reported as failed
// dead_letters   the events that the group has failed to handle
const std::string_view event_groups_schema = R"(
CREATE TABLE event_groups(
    name TEXT NOT NULL PRIMARY KEY,
    topics TEXT NOT NULL,
    position INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rebuilds INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE deliveries(
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    tries INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    problem TEXT NOT NULL,
    PRIMARY KEY(name, position)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_subject ON deliveries(name, subject, position);
CREATE INDEX deliveries_by_time ON deliveries(name, due_ms);
CREATE TABLE dead_letters(
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    died_ms INTEGER NOT NULL,
    problem TEXT NOT NULL,
    PRIMARY KEY(name, position)
) WITHOUT ROWID;
)";
const std::string_view event_failures_schema =
    "ALTER TABLE deliveries ADD COLUMN failures INTEGER NOT NULL DEFAULT 0";

namespace {

constexpr std::string_view find_group =
    "SELECT topics, position, lease, generation, rebuilds FROM event_groups WHERE name = ?";
constexpr std::string_view replace_group =
    "INSERT OR REPLACE INTO event_groups(name, topics, position, lease, generation, rebuilds) "
    "VALUES (?, ?, ?, ?, ?, ?)";
// A delivery `d` does not wait behind an earlier one of its subject.
#define MSD_IS_FIRST_OF_SUBJECT                                                                    \
    "(d.subject = '' OR NOT EXISTS(SELECT 1 FROM deliveries b WHERE b.name = d.name AND "          \
    "b.subject = d.subject AND b.position < d.position))"

constexpr std::string_view has_due =
    "SELECT 1 FROM deliveries d WHERE d.name = ? AND d.due_ms <= ? AND " MSD_IS_FIRST_OF_SUBJECT
    " LIMIT 1";
constexpr std::string_view has_newer = "SELECT 1 FROM events WHERE position > ? LIMIT 1";
constexpr std::string_view count_unfinished = "SELECT COUNT(*) FROM deliveries WHERE name = ?";

// In the order of positions, not by the index of types: it looks at each event once. There are
// group_topics_max parameters for topics.
constexpr std::string_view find_newer =
    "SELECT position, subject FROM events WHERE position > ? AND +type IN (?, ?, ?, ?, ?, ?, ?, ?) "
    "ORDER BY position LIMIT ?";
constexpr std::string_view newest = "SELECT COALESCE(MAX(position), 0) FROM events";
constexpr std::string_view insert_delivery =
    "INSERT INTO deliveries(name, position, subject, tries, due_ms, lease, problem) "
    "VALUES (?, ?, ?, 0, 0, 0, '')";

constexpr std::string_view bury_expired =
    "INSERT OR REPLACE INTO dead_letters(name, position, tries, died_ms, problem) "
    "SELECT name, position, tries, ?, CASE problem WHEN '' THEN 'no consumer finished it' "
    "ELSE problem END FROM deliveries WHERE name = ? AND due_ms <= ? AND tries >= ?";
constexpr std::string_view remove_expired =
    "DELETE FROM deliveries WHERE name = ? AND due_ms <= ? AND tries >= ?";

constexpr std::string_view find_free =
    "SELECT e.position, e.source, e.id, e.type, e.subject, e.time, e.data, d.tries "
    "FROM deliveries d CROSS JOIN events e ON e.position = d.position "
    "WHERE d.name = ? AND d.due_ms <= ? AND " MSD_IS_FIRST_OF_SUBJECT
    " ORDER BY d.position LIMIT ?";
constexpr std::string_view lease_one =
    "UPDATE deliveries SET tries = tries + 1, due_ms = ?, lease = ? WHERE name = ? AND position = "
    "?";
constexpr std::string_view find_floor =
    "SELECT MIN(COALESCE((SELECT MIN(position) FROM deliveries WHERE name = ?), ?), "
    "COALESCE((SELECT MIN(position) FROM dead_letters WHERE name = ?), ?))";

constexpr std::string_view renew_group =
    "UPDATE event_groups SET generation = MAX(generation + 1, ?) WHERE name = ?";
constexpr std::string_view forget_dead = "DELETE FROM dead_letters WHERE name = ?";
constexpr std::string_view remove_deliveries = "DELETE FROM deliveries WHERE name = ?";

struct event_group {
    std::string name;
    std::string topics;
    std::int64_t position = 0;
    std::int64_t lease = 0; // the last one
    std::int64_t generation = 0;
    bool rebuilds = false;
};

std::string joined(const std::vector<std::string>& topics) {
    std::string all;
    for (const std::string& each : topics) {
        all.append(all.empty() ? "" : " ").append(each);
    }
    return all;
}

result<std::optional<event_group>> read_group(connection& on, const std::string& name) {
    query row{on, find_group};
    const auto found = row.bind(name).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return std::nullopt;
    }
    return event_group{
        name,
        std::string{row.text(0)},
        row.integer(1),
        row.integer(2),
        row.integer(3),
        row.integer(4) != 0};
}

result<void> write_group(connection& on, const event_group& group) {
    query replace{on, replace_group};
    replace.bind(group.name).bind(group.topics).bind(group.position).bind(group.lease);
    return replace.bind(group.generation).bind(std::int64_t{group.rebuilds ? 1 : 0}).run();
}

result<std::int64_t> read_number(query& statement) {
    const auto found = statement.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? statement.integer(0) : 0;
}

// Takes up to `room` newer events in hand.
result<void> take_newer(
    connection& on,
    event_group& group,
    const std::vector<std::string>& topics,
    std::int64_t room
) {
    if (room <= 0) {
        return {};
    }
    std::vector<std::pair<std::int64_t, std::string>> found;
    {
        query newer{on, find_newer};
        newer.bind(group.position);
        for (std::size_t i = 0; i < group_topics_max; ++i) {
            newer.bind(topics[std::min(i, topics.size() - 1)]);
        }
        newer.bind(room);
        for (;;) {
            const auto more = newer.next();
            if (!more) {
                return tl::unexpected{more.error()};
            }
            if (!*more) {
                break;
            }
            found.emplace_back(newer.integer(0), newer.text(1));
        }
    }
    for (const auto& [position, subject] : found) {
        query insert{on, insert_delivery};
        if (auto done = insert.bind(group.name).bind(position).bind(subject).run(); !done) {
            return done;
        }
        group.position = position;
    }
    if (std::cmp_less(found.size(), room)) { // the others have other topics
        query last{on, newest};
        const auto position = read_number(last);
        if (!position) {
            return tl::unexpected{position.error()};
        }
        group.position = std::max(group.position, *position);
    }
    return {};
}

result<void> bury(connection& on, const std::string& group, std::int64_t now_ms) {
    query copy{on, bury_expired};
    copy.bind(now_ms).bind(group).bind(now_ms).bind(core::redelivery::deliveries_max);
    if (auto done = copy.run(); !done) {
        return done;
    }
    query remove{on, remove_expired};
    return remove.bind(group).bind(now_ms).bind(core::redelivery::deliveries_max).run();
}

result<std::vector<delivery>>
find_deliverable(connection& on, const pull_request& wanted, std::int64_t now_ms) {
    constexpr std::size_t tries_column = 7;
    query rows{on, find_free};
    rows.bind(wanted.group).bind(now_ms).bind(wanted.limit);
    std::vector<delivery> found;
    std::size_t bytes = 0;
    while (bytes < events_read_bytes_max) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            break;
        }
        found.push_back({.event = event_of(rows, 0), .tries = rows.integer(tries_column) + 1});
        bytes += found.back().event.fields.data.size();
    }
    return found;
}

result<std::int64_t> floor_of(connection& on, const event_group& group) {
    query floor{on, find_floor};
    const std::int64_t none = group.position + 1;
    floor.bind(group.name).bind(none).bind(group.name).bind(none);
    const auto first = read_number(floor);
    return first ? result<std::int64_t>{*first - 1} : first;
}

} // namespace

event_row event_of(const query& row, std::size_t first) {
    const auto text = [&row, first](std::size_t column) {
        return std::string{row.text(first + column)};
    };
    return {row.integer(first), {text(1), text(2), text(3), text(4), text(5), text(6)}};
}

result<std::optional<pulled>>
find_idle(connection& on, const pull_request& wanted, std::int64_t now_ms) {
    const auto group = read_group(on, wanted.group);
    if (!group) {
        return tl::unexpected{group.error()};
    }
    if (!*group || (*group)->topics != joined(wanted.topics) ||
        (*group)->rebuilds != wanted.rebuilds) {
        return std::nullopt;
    }
    query due{on, has_due};
    const auto is_due = due.bind(wanted.group).bind(now_ms).next();
    if (!is_due) {
        return tl::unexpected{is_due.error()};
    }
    query newer{on, has_newer};
    const auto is_newer = newer.bind((*group)->position).next();
    if (!is_newer) {
        return tl::unexpected{is_newer.error()};
    }
    if (*is_due || *is_newer) {
        return std::nullopt;
    }
    return pulled{.events = {}, .generation = (*group)->generation};
}

result<pulled> hand_out(connection& on, const pull_request& wanted, const hand_out_time& at) {
    auto found = read_group(on, wanted.group);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    event_group group = found->value_or(event_group{});
    if (!*found) {
        group.name = wanted.group;
        group.generation = at.now_ms;
    }
    group.topics = joined(wanted.topics);
    group.rebuilds = wanted.rebuilds;
    ++group.lease;
    if (const auto done = bury(on, group.name, at.now_ms); !done) {
        return tl::unexpected{done.error()};
    }
    query count{on, count_unfinished};
    const auto unfinished = read_number(count.bind(group.name));
    if (!unfinished) {
        return tl::unexpected{unfinished.error()};
    }
    const std::int64_t room = std::min(unfinished_max - *unfinished, wanted.limit);
    if (const auto done = take_newer(on, group, wanted.topics, room); !done) {
        return tl::unexpected{done.error()};
    }
    auto free = find_deliverable(on, wanted, at.now_ms);
    if (!free) {
        return tl::unexpected{free.error()};
    }
    for (delivery& each : *free) {
        query lease{on, lease_one};
        lease.bind(at.now_ms + at.lease.count()).bind(group.lease);
        if (const auto done = lease.bind(group.name).bind(each.event.position).run(); !done) {
            return tl::unexpected{done.error()};
        }
        each.lease = group.lease;
    }
    if (const auto done = write_group(on, group); !done) {
        return tl::unexpected{done.error()};
    }
    const auto floor = floor_of(on, group);
    if (!floor) {
        return tl::unexpected{floor.error()};
    }
    return pulled{std::move(*free), group.generation, *floor};
}

result<std::int64_t> begin_again(connection& on, const std::string& group, std::int64_t now_ms) {
    auto found = read_group(on, group);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return fail(errc::not_found, "there is no such group");
    }
    if (!(*found)->rebuilds) {
        return fail(errc::conflict, "the group cannot handle events a second time");
    }
    for (const std::string_view table : {remove_deliveries, forget_dead}) {
        query remove{on, table};
        if (const auto done = remove.bind(group).run(); !done) {
            return tl::unexpected{done.error()};
        }
    }
    (*found)->position = 0;
    (*found)->generation = std::max((*found)->generation + 1, now_ms);
    const auto done = write_group(on, **found);
    return done ? result<std::int64_t>{(*found)->generation} : tl::unexpected{done.error()};
}

result<std::int64_t> renew_groups(connection& on, std::int64_t now_ms) {
    const auto groups = read_groups(on);
    if (!groups) {
        return tl::unexpected{groups.error()};
    }
    for (const group_facts& each : *groups) {
        if (each.rebuilds) {
            if (const auto begun = begin_again(on, each.name, now_ms); !begun) {
                return begun;
            }
            continue;
        }
        query renew{on, renew_group};
        if (const auto done = renew.bind(now_ms).bind(each.name).run(); !done) {
            return tl::unexpected{done.error()};
        }
    }
    return static_cast<std::int64_t>(groups->size());
}

} // namespace msd::store::sqlite
