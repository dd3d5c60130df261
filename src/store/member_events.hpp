// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "store/member_overviews.hpp"
#include "store/outbox_table.hpp"

#include <cstdint>
#include <string>

// What the store of members publishes, in the same way on every database.
namespace msd::store {

/// In the transaction of a new member: puts the event `member.joined` into the outbox.
template <class Query, class Connection>
result<void> announce_member(Connection& on, std::int64_t id, std::int64_t now_ms) {
    unsent_event made;
    made.type = "member.joined";
    made.subject = "members/" + std::to_string(id);
    made.time_ms = now_ms;
    json::writer out{made.data};
    out.begin_object().key("id").integer(id).key("date_ms").integer(now_ms).end_object();
    return add_to_outbox<members_events, Query>(on, made);
}

} // namespace msd::store
