// SPDX-License-Identifier: Apache-2.0
#include "services/stores/stores_service.hpp"

#include "core/sphere.hpp"
#include "services/store_replies.hpp"
#include "store/open.hpp"
#include "store/page.hpp"
#include "store/places_repository.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds open_timeout{10'000};

constexpr parameter id{
    .name = "id",
    .type = parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "id of the store"};
constexpr parameter name{
    .name = "name",
    .required = true,
    .length_min = 1,
    .allowed = characters::name,
    .about = "name of the store"};
constexpr parameter lat{
    .name = "lat",
    .type = parameter_type::real,
    .required = true,
    .minimum = -90,
    .maximum = 90,
    .about = "latitude in degrees"};
constexpr parameter lon{
    .name = "lon",
    .type = parameter_type::real,
    .required = true,
    .minimum = -180,
    .maximum = 180,
    .about = "longitude in degrees"};
constexpr parameter radius_m{
    .name = "radius_m",
    .type = parameter_type::real,
    .required = true,
    .about = "only stores within this distance in metres"};
constexpr parameter limit{
    .name = "limit",
    .type = parameter_type::integer,
    .minimum = 1,
    .maximum = store::page_rows_max,
    .about = "most rows in the reply, which are the nearest"};

constexpr std::array near_parameters{lat, lon, radius_m, limit};
constexpr std::array add_parameters{name, lat, lon};
constexpr std::array id_parameters{id};

core::position position_of(const arguments& args) {
    return {.latitude = args.real("lat"), .longitude = args.real("lon")};
}

void write_members(json::writer& out, const store::place_row& row) {
    out.key("id").integer(row.id);
    out.key("name").string(row.fields.name);
    out.key("lat").real(row.fields.at.latitude);
    out.key("lon").real(row.fields.at.longitude);
}

reply one_row(const store::place_row& row) {
    std::string members;
    json::writer out{members};
    out.key("results").begin_array().begin_object();
    write_members(out, row);
    out.end_object().end_array();
    return success(std::move(members));
}

reply rows_of(const std::vector<store::near_place>& found) {
    std::string members;
    json::writer out{members};
    out.key("results").begin_array();
    for (const store::near_place& each : found) {
        out.begin_object();
        write_members(out, each.row);
        out.key("distance_m").real(each.distance_m).end_object();
    }
    out.end_array();
    return success(std::move(members));
}

class stores_service final : public service {
public:
    explicit stores_service(const service_context& context)
        : settings_{
              .executor = context.executor,
              .data_dir = context.settings.data_dir,
              .server = context.settings.store} {
        routes_ = {
            {"GET",
             "/stores",
             near_parameters,
             [this](call asked) {
                 return list_near(std::move(asked));
             }},
            {"POST",
             "/stores",
             add_parameters,
             [this](call asked) {
                 return add_store(std::move(asked));
             }},
            {"GET",
             "/stores/{id}",
             id_parameters,
             [this](call asked) {
                 return find_store(std::move(asked));
             }},
            {"DELETE",
             "/stores/{id}",
             id_parameters,
             [this](call asked) {
                 return remove_store(std::move(asked));
             }},
        };
        for (route& each : routes_) {
            each.wants_client = each.method != "GET"; // for Idempotency-Keys
        }
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    asio::awaitable<result<void>> start() override {
        auto settings = settings_;
        auto opened = co_await store::open_places(std::move(settings), deadline::in(open_timeout));
        if (!opened) {
            co_return tl::unexpected{std::move(opened.error())};
        }
        places_ = std::move(*opened);
        co_return result<void>{};
    }

    asio::awaitable<void> stop() override {
        places_.reset();
        co_return;
    }

private:
    asio::awaitable<reply> list_near(call asked) {
        store::near_query wanted;
        wanted.centre = position_of(asked.args);
        wanted.radius_m = asked.args.real("radius_m");
        wanted.limit = asked.args.integer_or("limit", store::page_rows_max);
        if (wanted.radius_m <= 0 || wanted.radius_m > core::half_circumference_m) {
            const std::array problems{arguments::problem{
                "radius_m",
                wanted.radius_m <= 0 ? "must be above 0"
                                     : "must be at most half the circumference of the earth, "
                                       "20015114.44"}};
            co_return invalid_parameters(problems);
        }
        const auto found = co_await places_->near(wanted, asked.until);
        co_return found ? rows_of(*found) : store_failure(found.error());
    }

    asio::awaitable<reply> find_store(call asked) {
        const auto row = co_await places_->find(asked.args.integer("id"), asked.until);
        co_return row ? one_row(*row) : store_failure(row.error());
    }

    asio::awaitable<reply> add_store(call asked) {
        store::place_fields fields;
        fields.name = asked.args.text("name");
        fields.at = position_of(asked.args);
        auto once = idempotency_of(asked, "POST/stores");
        const auto added = co_await places_->add(std::move(fields), std::move(once), asked.until);
        co_return added ? success("\"id\":" + std::to_string(*added))
                        : store_failure(added.error());
    }

    // DELETE is idempotent: deleting a missing store succeeds.
    asio::awaitable<reply> remove_store(call asked) {
        auto once = idempotency_of(asked, "DELETE/stores");
        const auto removed =
            co_await places_->remove(asked.args.integer("id"), std::move(once), asked.until);
        co_return removed ? success() : store_failure(removed.error());
    }

    store::store_settings settings_;
    std::unique_ptr<store::places_repository> places_;
    std::vector<route> routes_;
};

} // namespace

std::unique_ptr<service> make_stores_service(const service_context& context) {
    return std::make_unique<stores_service>(context);
}

} // namespace msd::services
