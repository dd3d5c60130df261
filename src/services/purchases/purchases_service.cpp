// SPDX-License-Identifier: Apache-2.0
#include "services/purchases/purchases_service.hpp"

#include "base/log.hpp"
#include "services/events/event_relay.hpp"
#include "services/goods_lookup.hpp"
#include "services/store_replies.hpp"
#include "services/utc_text.hpp"
#include "store/open.hpp"
#include "store/purchases_repository.hpp"

#include <array>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds open_timeout{10'000};

constexpr parameter userid{
    .name = "userid",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "id of the member"};
constexpr parameter goodsid{
    .name = "goodsid",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "id of the product"};
constexpr parameter quantity{
    .name = "quantity",
    .type = parameter_type::integer,
    .about = "not 0; negative for a return; default 1"};
constexpr parameter limit{
    .name = "limit",
    .type = parameter_type::integer,
    .minimum = 1,
    .maximum = store::page_rows_max,
    .about = "most rows in one reply"};
constexpr parameter after{
    .name = "after",
    .type = parameter_type::integer,
    .minimum = 0,
    .about = "only ids above this one; `next` of the previous page"};

constexpr std::array list_parameters{userid, limit, after};
using add_schema = std::array<parameter, 3>;

parameter quantity_of(const service_rules& rules) {
    parameter chosen = quantity;
    chosen.minimum = -rules.quantity_max;
    chosen.maximum = rules.quantity_max;
    return chosen;
}

void write_row(json::writer& out, const store::purchase_row& row) {
    out.begin_object();
    out.key("id").integer(row.id);
    out.key("goodsid").integer(row.fields.goodsid);
    out.key("date").string(utc_text(row.date_ms));
    out.key("quantity").integer(row.fields.quantity);
    out.key("price");
    if (row.fields.price) {
        out.raw(row.fields.price->text());
    } else {
        out.null();
    }
    out.end_object();
}

reply id_reply(std::int64_t id) {
    return success("\"id\":" + std::to_string(id));
}

class purchases_service final : public service {
public:
    explicit purchases_service(const service_context& context)
        : settings_{
              .executor = context.executor,
              .data_dir = context.settings.data_dir,
              .server = context.settings.store},
          add_parameters_{userid, goodsid, quantity_of(context.settings.rules)},
          goods_{context},
          relay_{context, "/purchases"} {
        routes_ = {
            {"GET",
             "/purchases",
             list_parameters,
             [this](call asked) {
                 return list_purchases(std::move(asked));
             }},
            {"POST",
             "/purchases",
             add_parameters_,
             [this](call asked) {
                 return add_purchase(std::move(asked));
             }},
        };
        routes_.back().wants_client = true; // for Idempotency-Keys
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    asio::awaitable<result<void>> start() override {
        auto settings = settings_;
        auto opened =
            co_await store::open_purchases(std::move(settings), deadline::in(open_timeout));
        if (!opened) {
            co_return tl::unexpected{std::move(opened.error())};
        }
        purchases_ = std::move(*opened);
        auto started = goods_.start();
        if (started) {
            relay_.start(purchases_->unsent());
        }
        co_return started;
    }

    asio::awaitable<void> stop() override {
        co_await relay_.stop();
        co_await goods_.stop();
        purchases_.reset();
    }

    void changed(const wire::change& made) override {
        if (made.what == goods_kind) {
            goods_.changed(made);
        }
    }

    void write_figures(json::writer& out) const override {
        out.key("goods").begin_object();
        goods_.write_figures(out);
        out.end_object();
        relay_.write_figures(out);
    }

private:
    asio::awaitable<reply> list_purchases(call asked) {
        const store::page_query query{
            .after = asked.args.integer_or("after", 0),
            .limit = asked.args.integer_or("limit", store::page_rows_max)};
        auto rows =
            co_await purchases_->list(asked.args.integer("userid"), query, write_row, asked.until);
        co_return rows ? page_reply(std::move(*rows)) : store_failure(rows.error());
    }

    asio::awaitable<reply> add_purchase(call asked) {
        store::purchase_fields fields;
        fields.userid = asked.args.integer("userid");
        fields.goodsid = asked.args.integer("goodsid");
        fields.quantity = asked.args.integer_or("quantity", 1);
        if (fields.quantity == 0) {
            const std::array problems{arguments::problem{"quantity", "must not be 0"}};
            co_return invalid_parameters(problems);
        }
        auto once = idempotency_of(asked, "POST/purchases");
        if (once) {
            // A repeated request needs no look-up: the product may have been deleted since the
            // first request.
            const auto earlier = co_await purchases_->recall(*once, asked.until);
            if (!earlier) {
                co_return store_failure(earlier.error());
            }
            if (const auto& noted = *earlier) {
                co_return id_reply(*noted);
            }
        }
        const auto goods = co_await goods_.find(fields.goodsid, asked.until.halfway());
        if (!goods) {
            log::debug("the product cannot be looked up: {}", goods.error().text);
            co_return failure(503, "goods unavailable");
        }
        if (!goods->known) {
            co_return failure(422, "unknown goods");
        }
        fields.price = goods->price;
        if (!asked.is_wanted()) {
            co_return no_longer_wanted();
        }
        const auto added = co_await purchases_->add(fields, std::move(once), asked.until);
        relay_.wake();
        co_return added ? id_reply(*added) : store_failure(added.error());
    }

    store::store_settings settings_;
    add_schema add_parameters_;
    goods_lookup goods_;
    event_relay relay_;
    std::unique_ptr<store::purchases_repository> purchases_;
    std::vector<route> routes_;
};

} // namespace

std::unique_ptr<service> make_purchases_service(const service_context& context) {
    return std::make_unique<purchases_service>(context);
}

} // namespace msd::services
