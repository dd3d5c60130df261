// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "store/goods_repository.hpp"
#include "store/outbox_table.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// What the store of goods publishes, in the same way on every database.
namespace msd::store {

/// In the transaction of a change: puts the event `goods.changed` into the outbox. `change`: added,
/// replaced or removed.
template <class Query, class Connection>
result<void>
announce_goods(Connection& on, std::int64_t id, std::string_view change, std::int64_t now_ms) {
    unsent_event made;
    made.type = "goods.changed";
    made.subject = "goods/" + std::to_string(id);
    made.time_ms = now_ms;
    json::writer{made.data}
        .begin_object()
        .key("id")
        .integer(id)
        .key("change")
        .string(change)
        .end_object();
    return add_to_outbox<goods_entity, Query>(on, made);
}

} // namespace msd::store
