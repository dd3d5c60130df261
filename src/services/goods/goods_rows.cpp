// SPDX-License-Identifier: Apache-2.0
#include "services/goods/goods_rows.hpp"

#include "services/events/purchased_event.hpp"

#include <string>
#include <utility>

namespace msd::services {

namespace {

// Products without votes have the members that existing clients know.
void write_votes(json::writer& out, const store::goods_votes& votes) {
    if (votes.likes > 0) {
        out.key("likes").integer(votes.likes);
    }
    if (votes.dislikes > 0) {
        out.key("dislikes").integer(votes.dislikes);
    }
    if (votes.ratings > 0) {
        constexpr std::int64_t hundredth = money::scale / 100;
        const auto mean = money::from_e4(votes.rating_e2() * hundredth).value_or(money{});
        out.key("rating").raw(mean.text()).key("ratings").integer(votes.ratings);
    }
}

void write_goods_members(json::writer& out, const store::goods_view& row) {
    out.key("id").integer(row.id);
    out.key("name").string(row.name);
    out.key("category").string(row.category);
    out.key("price").raw(row.price.text());
    out.key("description").string(row.description);
    if (row.stock) {
        out.key("stock").integer(*row.stock);
    }
    write_votes(out, row.votes);
}

} // namespace

void write_goods(json::writer& out, const store::goods_view& row) {
    out.begin_object();
    write_goods_members(out, row);
    out.end_object();
}

void write_sold_goods(json::writer& out, const store::goods_view& row) {
    out.begin_object();
    write_goods_members(out, row);
    out.key("sales").integer(row.sales).end_object();
}

// What the event `purchased` means to goods.
or_problem<store::goods_sale> read_sale_of_goods(const store::event_fields& event) {
    const auto read = read_purchased(event);
    if (!read) {
        return tl::unexpected{read.error()};
    }
    return store::goods_sale{read->goodsid, read->quantity};
}

store::goods_fields goods_fields_of(const arguments& args) {
    store::goods_fields made{
        .name = args.text("name"),
        .category = args.text("category"),
        .price = args.decimal("price"),
        .description = args.text("description")};
    if (args.has("stock")) {
        made.stock = args.integer("stock");
    }
    return made;
}

reply goods_reply(const store::goods_row& row) {
    std::string members;
    json::writer out{members};
    out.key("results").begin_array();
    write_goods(
        out,
        {.id = row.id,
         .name = row.fields.name,
         .category = row.fields.category,
         .price = row.fields.price,
         .description = row.fields.description,
         .votes = row.votes,
         .stock = row.fields.stock}
    );
    out.end_array();
    return success(std::move(members));
}

} // namespace msd::services
