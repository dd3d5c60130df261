// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "store/outbox_table.hpp"
#include "store/purchases_repository.hpp"

#include <cstdint>
#include <string>
#include <utility>

// What the store of purchases publishes, in the same way on every database.
namespace msd::store {

inline constexpr std::string_view purchased_topic = "purchased";

/// The event of a purchase. Its key is the member; the price is null where it is not known.
[[nodiscard]] inline unsent_event purchased(const purchase_row& row) {
    unsent_event made;
    made.type = purchased_topic;
    made.subject = "members/" + std::to_string(row.fields.userid);
    made.time_ms = row.date_ms;
    json::writer out{made.data};
    out.begin_object().key("id").integer(row.id);
    out.key("userid").integer(row.fields.userid).key("goodsid").integer(row.fields.goodsid);
    out.key("quantity").integer(row.fields.quantity).key("price");
    if (row.fields.price) {
        out.raw(row.fields.price->text());
    } else {
        out.null();
    }
    out.key("date_ms").integer(row.date_ms).end_object();
    return made;
}

/// In the transaction of a purchase: puts its event into the outbox. `id`: of the inserted row, or
/// why there is none. Returns `id`.
template <class Query, class Connection>
result<std::int64_t> announced(Connection& on, purchase_row row, result<std::int64_t> id) {
    if (!id) {
        return id;
    }
    row.id = *id;
    auto added = add_to_outbox<purchases_entity, Query>(on, purchased(row));
    return added ? std::move(id) : tl::unexpected{std::move(added.error())};
}

} // namespace msd::store
