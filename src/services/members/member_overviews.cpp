// SPDX-License-Identifier: Apache-2.0
#include "services/members/member_overviews.hpp"

#include "services/events/purchased_event.hpp"
#include "services/store_replies.hpp"
#include "services/utc_text.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace msd::services {

namespace {

using problem = arguments::problem;

or_problem<store::member_change> read_joined(const store::event_fields& event) {
    json::object members;
    const bool is_object = members.parse(event.data).has_value();
    const json::value* const id = is_object ? members.find("id") : nullptr;
    const json::value* const date = is_object ? members.find("date_ms") : nullptr;
    const auto userid = id == nullptr ? std::nullopt : id->as_int64();
    const auto date_ms = date == nullptr ? std::nullopt : date->as_int64();
    if (!userid || !date_ms) {
        return tl::unexpected{problem{"data", "must have the integers id and date_ms"}};
    }
    return store::member_change{*userid, date_ms, std::nullopt};
}

// What an event means to a member.
or_problem<store::member_change> read_member_change(const store::event_fields& event) {
    if (event.type == "member.joined") {
        return read_joined(event);
    }
    const auto read = read_purchased(event);
    if (!read) {
        return tl::unexpected{read.error()};
    }
    return store::member_change{
        read->userid,
        std::nullopt,
        store::member_purchase{
            read->id,
            read->goodsid,
            read->quantity,
            read->price,
            read->date_ms}};
}

reply overview_reply(std::int64_t userid, const store::member_overview& found) {
    std::string members;
    json::writer out{members};
    out.key("userid").integer(userid);
    if (found.joined_ms) {
        out.key("joined").string(utc_text(*found.joined_ms));
    }
    out.key("purchases").integer(found.purchases).key("pieces").integer(found.pieces);
    out.key("spent").raw(found.spent.text()).key("last").begin_array();
    for (const store::member_purchase& each : found.last) {
        out.begin_object().key("id").integer(each.id).key("goodsid").integer(each.goodsid);
        out.key("date").string(utc_text(each.date_ms)).key("quantity").integer(each.quantity);
        out.key("price");
        if (each.price) {
            out.raw(each.price->text());
        } else {
            out.null();
        }
        out.end_object();
    }
    out.end_array();
    return success(std::move(members));
}

constexpr parameter overview_id{
    .name = "id",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "id of the member"};
constexpr std::array overview_parameters{overview_id};

} // namespace

member_overviews::member_overviews(const service_context& context)
    : consumer_{
          context,
          {.group = "members", .topics = {"member.joined", "purchased"}, .rebuilds = true}} {}

void member_overviews::start(store::members_repository& members) {
    members_ = &members;
    consumer_.start([this](store::pulled batch, deadline until) {
        return apply(std::move(batch), until);
    });
}

asio::awaitable<void> member_overviews::stop() {
    return consumer_.stop();
}

asio::awaitable<result<event_outcome>>
member_overviews::apply(store::pulled batch, deadline until) {
    auto read = read_batch<store::member_change>::of(batch, read_member_change);
    const auto applied = co_await members_->change_overviews(std::move(read.changes), until);
    if (!applied) {
        co_return tl::unexpected{applied.error()};
    }
    co_return std::move(read.outcome);
}

asio::awaitable<reply> member_overviews::find(call asked) {
    const auto userid = asked.args.integer("id");
    const auto found = co_await members_->overview(userid, asked.until);
    co_return found ? overview_reply(userid, *found) : store_failure(found.error());
}

std::span<const parameter> member_overviews::parameters() {
    return overview_parameters;
}

void member_overviews::write_figures(json::writer& out) const {
    consumer_.write_figures(out);
}

} // namespace msd::services
