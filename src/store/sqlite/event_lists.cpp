// SPDX-License-Identifier: Apache-2.0
// Lists of groups and dead letters for people, and what people do with the latter.
#include "store/sqlite/event_groups.hpp"

namespace msd::store::sqlite {

namespace {

constexpr std::string_view list_groups =
    "SELECT name, topics, position, generation, rebuilds, "
    "(SELECT COUNT(*) FROM deliveries d WHERE d.name = g.name), "
    "(SELECT COUNT(*) FROM dead_letters d WHERE d.name = g.name) "
    "FROM event_groups g ORDER BY name";
constexpr std::string_view list_dead =
    "SELECT e.position, e.source, e.id, e.type, e.subject, e.time, e.data, d.name, d.tries, "
    "d.died_ms, d.problem FROM dead_letters d CROSS JOIN events e ON e.position = d.position "
    "WHERE ? IN ('', d.name) ORDER BY d.position, d.name LIMIT ?";
constexpr std::string_view revive =
    "INSERT OR IGNORE INTO deliveries(name, position, subject, tries, due_ms, lease, problem) "
    "SELECT d.name, d.position, e.subject, 0, 0, 0, '' FROM dead_letters d CROSS JOIN events e "
    "ON e.position = d.position WHERE d.name = ? AND ? IN (0, d.position)";
constexpr std::string_view remove_dead =
    "DELETE FROM dead_letters WHERE name = ? AND ? IN (0, position)";
} // namespace

result<std::vector<group_facts>> read_groups(connection& on) {
    query rows{on, list_groups};
    std::vector<group_facts> found;
    for (;;) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return found;
        }
        found.push_back(
            {.name = std::string{rows.text(0)},
             .topics = std::string{rows.text(1)},
             .position = rows.integer(2),
             .unfinished = rows.integer(5),
             .dead = rows.integer(6),
             .generation = rows.integer(3),
             .rebuilds = rows.integer(4) != 0}
        );
    }
}

result<std::vector<dead_letter>>
read_dead_letters(connection& on, const std::string& group, std::int64_t limit) {
    query rows{on, list_dead};
    rows.bind(group).bind(limit);
    std::vector<dead_letter> found;
    for (;;) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return found;
        }
        found.push_back(
            {std::string{rows.text(7)},
             event_of(rows, 0),
             rows.integer(8),
             rows.integer(9),
             std::string{rows.text(10)}}
        );
    }
}

result<std::int64_t>
replay_dead_letters(connection& on, const std::string& group, std::int64_t position) {
    query copy{on, revive};
    if (const auto done = copy.bind(group).bind(position).run(); !done) {
        return tl::unexpected{done.error()};
    }
    return discard_dead_letters(on, group, position);
}

result<std::int64_t>
discard_dead_letters(connection& on, const std::string& group, std::int64_t position) {
    query remove{on, remove_dead};
    if (const auto done = remove.bind(group).bind(position).run(); !done) {
        return tl::unexpected{done.error()};
    }
    return on.changes();
}

} // namespace msd::store::sqlite
