// SPDX-License-Identifier: Apache-2.0
#include "services/goods/goods_service.hpp"

#include "services/events/event_consumer.hpp"
#include "services/events/event_relay.hpp"
#include "services/goods/goods_rows.hpp"
#include "services/goods/legacy_keys.hpp"
#include "services/goods_changes.hpp"
#include "services/store_replies.hpp"
#include "store/goods_repository.hpp"
#include "store/open.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds open_timeout{10'000};

// With four bytes a character, this fits a TEXT column (65,535 bytes) of an existing deployment.
constexpr std::size_t description_length_max = 16'383;

constexpr parameter id{
    .name = "id",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "id of the product"};
constexpr parameter optional_id{
    .name = "id",
    .type = parameter_type::integer,
    .minimum = 1,
    .about = "only this product"};
constexpr parameter name{
    .name = "name",
    .required = true,
    .length_min = 1,
    .allowed = characters::name,
    .about = "name of the product"};
constexpr parameter category{
    .name = "category",
    .required = true,
    .length_min = 1,
    .allowed = characters::name,
    .about = "category of the product"};
constexpr parameter only_category{.name = "category", .about = "only products of this category"};
constexpr parameter price{
    .name = "price",
    .type = parameter_type::decimal,
    .required = true,
    .minimum = 0,
    .about = "price of one piece, at most 4 decimals"};
constexpr parameter description{
    .name = "description",
    .required = true,
    .length_max = description_length_max,
    .about = "free text"};
constexpr parameter stock{
    .name = "stock",
    .type = parameter_type::integer,
    .minimum = 0,
    .maximum = 1'000'000'000'000,
    .about = "pieces that can be sold; default: unlimited"};
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

constexpr std::array list_parameters{optional_id, only_category, limit, after};
constexpr parameter userid{
    .name = "userid",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "id of the member"};
constexpr parameter stars{
    .name = "stars",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .maximum = store::stars_max,
    .about = "how good the product is, 5 is best"};

constexpr parameter by{
    .name = "by",
    .required = true,
    .about = "likes, rating or sales: what the best product has most of"};

constexpr std::array ranking_parameters{by, limit, only_category};
constexpr std::array id_parameters{id};
constexpr std::array vote_parameters{id, userid};
constexpr std::array rating_parameters{id, userid, stars};
using add_schema = std::array<parameter, 5>;
using replace_schema = std::array<parameter, 6>;

// The price of the routes that write; below zero only where the configuration allows it.
parameter price_of(const service_rules& rules) {
    parameter chosen = price;
    if (rules.negative_prices) {
        chosen.minimum = std::numeric_limits<std::int64_t>::min();
    }
    return chosen;
}

class goods_service final : public service {
public:
    explicit goods_service(const service_context& context)
        : settings_{
              .executor = context.executor,
              .data_dir = context.settings.data_dir,
              .server = context.settings.store},
          shared_{context.settings.shared},
          add_parameters_{name, category, price_of(context.settings.rules), description, stock},
          replace_parameters_{
              id,
              name,
              category,
              price_of(context.settings.rules),
              description,
              stock},
          changes_{context},
          sales_{context, {.group = "goods", .topics = {"purchased"}}},
          relay_{context, "/goods"} {
        const handler list = [this](call asked) {
            return list_goods(std::move(asked));
        };
        const handler replace = [this](call asked) {
            return replace_goods(std::move(asked));
        };
        const handler remove = [this](call asked) {
            return remove_goods(std::move(asked));
        };
        const handler add = [this](call asked) {
            return add_goods(std::move(asked));
        };
        routes_ = {
            {"GET", "/goods", list_parameters, list},
            {"POST", "/goods", add_parameters_, add},
            {"PUT", "/goods", replace_parameters_, replace},
            {"DELETE", "/goods", id_parameters, remove},
            {"GET",
             "/goods/ranking",
             ranking_parameters,
             [this](call asked) {
                 return rank_goods(std::move(asked));
             }},
            {"GET", "/goods/{id}", id_parameters, list},
            {"PUT", "/goods/{id}", replace_parameters_, replace},
            {"DELETE", "/goods/{id}", id_parameters, remove},
        };
        add_votes();
        for (route& each : routes_) {
            each.wants_client = each.method != "GET"; // for Idempotency-Keys
        }
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    asio::awaitable<result<void>> start() override {
        auto settings = settings_;
        auto opened = co_await store::open_goods(std::move(settings), deadline::in(open_timeout));
        if (!opened) {
            co_return tl::unexpected{std::move(opened.error())};
        }
        goods_ = std::move(*opened);
        const auto started = changes_.start();
        if (started && shared_.legacy_keys && changes_.shared() != nullptr) {
            write_legacy_keys();
        }
        if (started) {
            relay_.start(goods_->unsent());
            sales_.start([this](store::pulled batch, deadline until) {
                return count_sales(std::move(batch), until);
            });
        }
        co_return started;
    }

    asio::awaitable<void> stop() override {
        co_await sales_.stop();
        co_await relay_.stop();
        if (legacy_) {
            co_await legacy_->stop();
            changes_.on_doubt({});
            legacy_.reset();
        }
        co_await changes_.stop();
        goods_.reset();
    }

    void write_figures(json::writer& out) const override {
        changes_.write_figures(out);
        sales_.write_figures(out);
        relay_.write_figures(out);
        if (legacy_) {
            legacy_->write_figures(out);
        }
    }

private:
    void add_votes() {
        struct votes {
            std::string_view path;
            store::vote_kind kind;
        };
        using enum store::vote_kind;
        for (const auto& [path, kind] :
             {votes{"/goods/{id}/like", like}, votes{"/goods/{id}/dislike", dislike}}) {
            routes_.push_back({"PUT", path, vote_parameters, [this, kind](call asked) {
                                   return vote(std::move(asked), kind, 1);
                               }});
            routes_.push_back({"DELETE", path, vote_parameters, [this, kind](call asked) {
                                   return vote(std::move(asked), kind, 0);
                               }});
        }
        routes_.push_back({"PUT", "/goods/{id}/rating", rating_parameters, [this](call asked) {
                               const auto given = asked.args.integer("stars");
                               return vote(std::move(asked), rating, given);
                           }});
    }

    void write_legacy_keys() {
        const legacy_keys::settings chosen{shared_.owner_behind, shared_.ttl};
        legacy_.emplace(settings_.executor, *changes_.shared(), *goods_, chosen);
        changes_.on_doubt([this](std::int64_t goods_id) { legacy_->verify_soon(goods_id); });
    }

    asio::awaitable<void> update_legacy_key(std::int64_t goods_id, deadline until) {
        if (legacy_) {
            co_await legacy_->update(goods_id, until);
        }
    }

    asio::awaitable<reply> list_goods(call asked) {
        if (asked.args.has("id")) {
            const auto row = co_await goods_->find(asked.args.integer("id"), asked.until);
            co_return row ? goods_reply(*row) : store_failure(row.error());
        }
        store::goods_query query;
        query.rows.after = asked.args.integer_or("after", 0);
        query.rows.limit = asked.args.integer_or("limit", store::page_rows_max);
        if (asked.args.has("category")) {
            query.category = asked.args.text("category");
        }
        auto rows = co_await goods_->list(std::move(query), write_goods, asked.until);
        if (rows && rows->count == 0) {
            // Clients of existing deployments recognize an empty table by this reply; only goods
            // sends it.
            co_return failure(200, "no data");
        }
        co_return rows ? page_reply(std::move(*rows)) : store_failure(rows.error());
    }

    asio::awaitable<reply> add_goods(call asked) {
        auto fields = goods_fields_of(asked.args);
        auto once = idempotency_of(asked, "POST/goods");
        const auto added = co_await goods_->add(std::move(fields), std::move(once), asked.until);
        relay_.wake();
        if (added) {
            // Other processes may have cached that this id does not exist.
            const goods_changes::end done{&added, time_point::min(), asked.until};
            co_await update_legacy_key(*added, asked.until);
            co_await changes_.ended(*added, done);
        }
        co_return added ? success("\"id\":" + std::to_string(*added))
                        : store_failure(added.error());
    }

    asio::awaitable<reply> replace_goods(call asked) {
        const auto goods_id = asked.args.integer("id");
        store::goods_row row;
        row.id = goods_id;
        row.fields = goods_fields_of(asked.args);
        auto once = idempotency_of(asked, "PUT/goods");
        const time_point known = co_await changes_.begins(goods_id, asked.until);
        const auto replaced =
            co_await goods_->replace(std::move(row), std::move(once), asked.until);
        relay_.wake();
        const goods_changes::end done{&replaced, known, asked.until};
        co_await update_legacy_key(goods_id, asked.until);
        co_await changes_.ended(goods_id, done);
        co_return replaced ? success("\"id\":" + std::to_string(*replaced))
                           : store_failure(replaced.error());
    }

    // DELETE is idempotent: deleting a missing product succeeds.
    asio::awaitable<reply> remove_goods(call asked) {
        const auto goods_id = asked.args.integer("id");
        auto once = idempotency_of(asked, "DELETE/goods");
        const time_point known = co_await changes_.begins(goods_id, asked.until);
        if (legacy_) {
            co_await legacy_->remove(goods_id, asked.until);
        }
        const auto removed = co_await goods_->remove(goods_id, std::move(once), asked.until);
        relay_.wake();
        const goods_changes::end done{&removed, known, asked.until};
        co_await update_legacy_key(goods_id, asked.until);
        co_await changes_.ended(goods_id, done);
        co_return removed ? success() : store_failure(removed.error());
    }

    asio::awaitable<reply> rank_goods(call asked) {
        const std::string& key = asked.args.text("by");
        constexpr std::array<std::string_view, 3> keys{"likes", "rating", "sales"}; // rank_key
        const auto* const known = std::ranges::find(keys, key);
        if (known == keys.end()) {
            const std::array problems{arguments::problem{"by", "must be likes, rating or sales"}};
            co_return invalid_parameters(problems);
        }
        store::goods_ranking wanted;
        wanted.by = static_cast<store::rank_key>(known - keys.begin());
        wanted.limit = asked.args.integer_or("limit", store::page_rows_max);
        if (asked.args.has("category")) {
            wanted.category = asked.args.text("category");
        }
        const auto write = wanted.by == store::rank_key::sales ? write_sold_goods : write_goods;
        auto rows = co_await goods_->rank(std::move(wanted), write, asked.until);
        if (rows) {
            rows->next.reset();
        }
        co_return rows ? page_reply(std::move(*rows)) : store_failure(rows.error());
    }

    // Stock and sales are not announced: no other service uses them.
    asio::awaitable<result<event_outcome>> count_sales(store::pulled batch, deadline until) {
        auto read = read_batch<store::goods_sale>::of(batch, read_sale_of_goods);
        const auto counted = co_await goods_->count_sales(std::move(read.changes), until);
        if (!counted) {
            co_return tl::unexpected{counted.error()};
        }
        co_return std::move(read.outcome);
    }

    // Votes are not announced: no other service uses them.
    asio::awaitable<reply> vote(call asked, store::vote_kind kind, std::int64_t value) {
        store::goods_vote given;
        given.goodsid = asked.args.integer("id");
        given.userid = asked.args.integer("userid");
        given.kind = kind;
        given.value = value;
        const auto operation = "vote " + std::to_string(static_cast<int>(kind)) + ' ' +
                               std::to_string(static_cast<int>(value > 0)) + " goods";
        auto once = idempotency_of(asked, operation);
        const auto counted = co_await goods_->vote(given, std::move(once), asked.until);
        co_return counted ? success() : store_failure(counted.error());
    }

    store::store_settings settings_;
    store::redis::shared_cache_settings shared_;
    add_schema add_parameters_;
    replace_schema replace_parameters_;
    goods_changes changes_;
    event_consumer sales_;
    event_relay relay_;
    std::unique_ptr<store::goods_repository> goods_;
    std::optional<legacy_keys> legacy_; // with cache.legacy_keys
    std::vector<route> routes_;
};

} // namespace

std::unique_ptr<service> make_goods_service(const service_context& context) {
    return std::make_unique<goods_service>(context);
}

} // namespace msd::services
