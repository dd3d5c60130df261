// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/event_log.hpp"

#include "store/sqlite/event_groups.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace msd::store::sqlite {

namespace {

// AUTOINCREMENT: the position of an event is never used again.
constexpr std::string_view version_1 = R"(
CREATE TABLE events(
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX events_by_id ON events(source, id);
CREATE INDEX events_by_type ON events(type, position);
)";

const std::array<std::string_view, 3> event_migrations{
    version_1,
    event_groups_schema,
    event_failures_schema};

constexpr std::string_view insert_event =
    "INSERT OR IGNORE INTO events(source, id, type, subject, time, data) VALUES (?, ?, ?, ?, ?, ?)";

#define MSD_SELECT_EVENTS "SELECT position, source, id, type, subject, time, data FROM events"

constexpr std::string_view read_all =
    MSD_SELECT_EVENTS " WHERE position > ? ORDER BY position LIMIT ?";
constexpr std::string_view read_topic =
    MSD_SELECT_EVENTS " WHERE type = ? AND position > ? ORDER BY position LIMIT ?";
constexpr std::string_view read_last =
    MSD_SELECT_EVENTS " WHERE position > ? ORDER BY position DESC LIMIT ?";
constexpr std::string_view read_last_of_topic =
    MSD_SELECT_EVENTS " WHERE type = ? AND position > ? ORDER BY position DESC LIMIT ?";
constexpr std::string_view count_topics =
    "SELECT type, COUNT(*), MIN(position), MAX(position) FROM events GROUP BY type ORDER BY type";

result<published> add_events(connection& on, const std::vector<event_fields>& events) {
    published made;
    for (const event_fields& each : events) {
        query insert{on, insert_event};
        insert.bind(each.source).bind(each.id).bind(each.type).bind(each.subject);
        if (const auto done = insert.bind(each.time).bind(each.data).run(); !done) {
            return tl::unexpected{done.error()};
        }
        if (on.changes() > 0) {
            ++made.added;
            made.position = on.last_inserted_id();
        }
    }
    return made;
}

result<std::vector<event_row>> read_events(connection& on, const event_query& wanted) {
    const bool is_whole = wanted.topic.empty();
    const auto first = is_whole ? read_all : read_topic;
    query rows{on, !wanted.newest ? first : is_whole ? read_last : read_last_of_topic};
    if (!is_whole) {
        rows.bind(wanted.topic);
    }
    rows.bind(wanted.after).bind(wanted.limit);
    std::vector<event_row> found;
    std::size_t bytes = 0;
    while (bytes < events_read_bytes_max) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            break;
        }
        found.push_back(event_of(rows, 0));
        bytes += found.back().fields.data.size();
    }
    if (wanted.newest) {
        std::ranges::reverse(found);
    }
    return found;
}

result<std::vector<topic_facts>> read_topics(connection& on) {
    query rows{on, count_topics};
    std::vector<topic_facts> found;
    for (;;) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return found;
        }
        found.push_back(
            {std::string{rows.text(0)}, rows.integer(1), rows.integer(2), rows.integer(3)}
        );
    }
}

} // namespace

schema event_log::wanted_schema() {
    return {.service = "events", .migrations = event_migrations};
}

asio::awaitable<result<published>>
event_log::publish(std::vector<event_fields> events, deadline until) {
    auto work = [events = std::move(events)](connection& on) {
        return add_events(on, events);
    };
    return database_->write(until, std::move(work));
}

asio::awaitable<result<std::vector<event_row>>>
event_log::read(event_query wanted, deadline until) {
    auto work = [wanted = std::move(wanted)](connection& on) {
        return read_events(on, wanted);
    };
    return database_->read(until, std::move(work));
}

// A group without news changes nothing: no write, which would wait for its turn.
asio::awaitable<result<pulled>> event_log::pull(pull_request wanted, deadline until) {
    auto look = [this, wanted](connection& on) {
        return find_idle(on, wanted, database_->now_ms());
    };
    const auto idle = co_await database_->read(until, std::move(look));
    if (!idle) {
        co_return tl::unexpected{idle.error()};
    }
    if (const std::optional<pulled>& nothing = *idle) {
        co_return *nothing;
    }
    auto work = [this, wanted = std::move(wanted), until](connection& on) {
        auto made = hand_out(on, wanted, {database_->now_ms(), lease_});
        if (made && until.passed()) { // nobody waits: no lease is kept
            made = fail(errc::timeout, "the time for handing out events is over");
        }
        return made;
    };
    auto handed = co_await database_->write(until, std::move(work));
    co_return handed;
}

asio::awaitable<result<std::int64_t>> event_log::settle(settlement made, deadline until) {
    auto work = [this, made = std::move(made)](connection& on) {
        return settle_leases(on, made, redelivery_, database_->now_ms());
    };
    return database_->write(until, std::move(work));
}

asio::awaitable<result<std::vector<topic_facts>>> event_log::topics(deadline until) {
    auto work = [](connection& on) {
        return read_topics(on);
    };
    return database_->read(until, work);
}

asio::awaitable<result<std::vector<group_facts>>> event_log::groups(deadline until) {
    auto work = [](connection& on) {
        return read_groups(on);
    };
    return database_->read(until, work);
}

asio::awaitable<result<std::vector<dead_letter>>>
event_log::dead_letters(std::string group, std::int64_t limit, deadline until) {
    auto work = [group = std::move(group), limit](connection& on) {
        return read_dead_letters(on, group, limit);
    };
    return database_->read(until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
event_log::replay(std::string group, std::int64_t position, deadline until) {
    auto work = [group = std::move(group), position](connection& on) {
        return replay_dead_letters(on, group, position);
    };
    return database_->write(until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
event_log::discard(std::string group, std::int64_t position, deadline until) {
    auto work = [group = std::move(group), position](connection& on) {
        return discard_dead_letters(on, group, position);
    };
    return database_->write(until, std::move(work));
}

asio::awaitable<result<std::int64_t>> event_log::rebuild(std::string group, deadline until) {
    auto work = [this, group = std::move(group)](connection& on) {
        return begin_again(on, group, database_->now_ms());
    };
    return database_->write(until, std::move(work));
}

asio::awaitable<result<std::int64_t>> event_log::begin_new_generations(deadline until) {
    auto work = [this](connection& on) {
        return renew_groups(on, database_->now_ms());
    };
    return database_->write(until, work);
}

} // namespace msd::store::sqlite
