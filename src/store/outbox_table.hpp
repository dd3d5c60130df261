// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/uuid.hpp"
#include "store/entity.hpp"
#include "store/entity_work.hpp"
#include "store/outbox.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// The outbox of a service, in the same way on every database:
//
//   SERVICE_outbox       the events that are not published yet
//   SERVICE_outbox_turn  one row: which process publishes them, and until when
//
// `Service` is a type with the name of the service as `service`.
namespace msd::store {

namespace outbox_parts {

constexpr std::size_t removed_at_once = 32;

template <class Service>
constexpr entity_parts::compiled_text of(std::string_view before, std::string_view after) {
    entity_parts::compiled_text made;
    return made.append(before).append(Service::service).append(after);
}

template <class Service>
constexpr entity_parts::compiled_text remove_rows() {
    auto made = of<Service>("DELETE FROM ", "_outbox WHERE id IN (?");
    for (std::size_t i = 1; i < removed_at_once; ++i) {
        made.append(", ?");
    }
    return made.append(")");
}

} // namespace outbox_parts

template <class Service>
struct outbox_sql {
    static constexpr std::string_view create_embedded = entity_parts::literal<[] {
        return outbox_parts::of<Service>("CREATE TABLE ", "_outbox(")
            .append("id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, "
                    "type TEXT NOT NULL, subject TEXT NOT NULL, time_ms INTEGER NOT NULL, "
                    "data TEXT NOT NULL);")
            .append(outbox_parts::of<Service>("CREATE TABLE ", "_outbox_turn("))
            .append("id INTEGER PRIMARY KEY, holder TEXT NOT NULL, until_ms INTEGER NOT NULL);")
            .append(outbox_parts::of<Service>("INSERT INTO ", "_outbox_turn VALUES (1, '', 0);"));
    }()>::text;
    static constexpr std::string_view insert = entity_parts::literal<[] {
        return outbox_parts::of<Service>(
            "INSERT INTO ",
            "_outbox(event, type, subject, time_ms, data) VALUES (?, ?, ?, ?, ?)"
        );
    }()>::text;
    static constexpr std::string_view find = entity_parts::literal<[] {
        return outbox_parts::of<Service>(
            "SELECT id, event, type, subject, time_ms, data FROM ",
            "_outbox ORDER BY id LIMIT ?"
        );
    }()>::text;
    static constexpr std::string_view count = entity_parts::literal<[] {
        return outbox_parts::of<Service>("SELECT COALESCE((SELECT MAX(id) FROM ", "_outbox) - ")
            .append(outbox_parts::of<Service>("(SELECT MIN(id) FROM ", "_outbox) + 1, 0)"));
    }()>::text;
    static constexpr std::string_view remove = entity_parts::literal<[] {
        return outbox_parts::remove_rows<Service>();
    }()>::text;
    static constexpr std::string_view take_turn = entity_parts::literal<[] {
        return outbox_parts::of<Service>(
            "UPDATE ",
            "_outbox_turn SET holder = ?, until_ms = ? WHERE id = 1 AND (holder = ? OR "
            "until_ms <= ?)"
        );
    }()>::text;
    static constexpr std::string_view end_turn = entity_parts::literal<[] {
        return outbox_parts::of<Service>("UPDATE ", "_outbox_turn SET until_ms = 0 WHERE id = 1");
    }()>::text;
};

/// In the transaction of a write: adds the event, which gets its id here. `event.row` and
/// `event.id` do not matter.
template <class Service, class Query, class Connection>
result<void> add_to_outbox(Connection& on, const unsent_event& event) {
    const std::string id = uuid_v7();
    Query insert{on, outbox_sql<Service>::insert};
    insert.bind(std::string_view{id}).bind(event.type).bind(event.subject);
    const auto done = insert.bind(event.time_ms).bind(event.data).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

template <class Service, class Query, class Connection>
result<outbox_batch> take_from_outbox(Connection& on, const outbox_step& step) {
    using sql = outbox_sql<Service>;
    {
        Query turn{on, sql::take_turn};
        turn.bind(step.holder).bind(step.now_ms + step.turn.count());
        turn.bind(step.holder).bind(step.now_ms);
        const auto taken = run_and_count(on, turn);
        if (!taken) {
            return tl::unexpected{taken.error()};
        }
        if (*taken == 0) {
            return outbox_batch{};
        }
    }
    for (std::size_t first = 0; first < step.sent.size(); first += outbox_parts::removed_at_once) {
        Query remove{on, sql::remove};
        for (std::size_t i = 0; i < outbox_parts::removed_at_once; ++i) {
            remove.bind(step.sent[std::min(first + i, step.sent.size() - 1)]);
        }
        if (const auto done = remove.run(); !done) {
            return tl::unexpected{done.error()};
        }
    }
    outbox_batch made{true, {}};
    {
        Query rows{on, sql::find};
        rows.bind(step.limit);
        for (;;) {
            const auto more = rows.next();
            if (!more) {
                return tl::unexpected{more.error()};
            }
            if (!*more) {
                break;
            }
            made.events.push_back(
                {rows.integer(0),
                 std::string{rows.text(1)},
                 std::string{rows.text(2)},
                 std::string{rows.text(3)},
                 rows.integer(4),
                 std::string{rows.text(5)}}
            );
        }
    }
    if (made.events.empty()) {
        Query end{on, sql::end_turn};
        if (const auto done = end.run(); !done) {
            return tl::unexpected{done.error()};
        }
    }
    return made;
}

// outbox on every database; `On` is sqlite::backend or mysql::backend.
template <class On, class Service>
class outbox_table final : public outbox {
public:
    using connection = typename On::connection;
    using query = typename On::query;

    /// The database outlives this object.
    explicit outbox_table(typename On::database& on) : database_{on} {}

    asio::awaitable<result<std::int64_t>> waiting(deadline until) override {
        auto work = [](connection& on) -> result<std::int64_t> {
            query rows{on, outbox_sql<Service>::count};
            const auto found = rows.next();
            if (!found) {
                return tl::unexpected{found.error()};
            }
            return *found ? rows.integer(0) : 0;
        };
        return On::read_latest(database_, until, work);
    }

    asio::awaitable<result<outbox_batch>> take(outbox_step step, deadline until) override {
        auto work = [step = std::move(step)](connection& on) {
            return take_from_outbox<Service, query>(on, step);
        };
        return On::write(database_, until, std::move(work));
    }

private:
    typename On::database& database_;
};

} // namespace msd::store
