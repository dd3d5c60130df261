// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"
#include "store/open_transfer.hpp"
#include "store/places_repository.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace msd::test {
namespace {

using store::idempotency;
using store::near_query;
using store::place_fields;

class places_repository : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_places(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        places_ = std::move(*opened);
    }

    std::int64_t add(std::string name, core::position at) {
        const auto added = wait(places_->add({std::move(name), at}, std::nullopt, soon()));
        EXPECT_TRUE(added) << added.error().text;
        return added.value_or(0);
    }

    std::vector<std::int64_t> near(near_query wanted) {
        const auto found = wait(places_->near(wanted, soon()));
        EXPECT_TRUE(found) << found.error().text;
        std::vector<std::int64_t> ids;
        for (const auto& each : found.value()) {
            EXPECT_EQ(each.distance_m, core::distance_m(wanted.centre, each.row.fields.at));
            ids.push_back(each.row.id);
        }
        return ids;
    }

    // As an import does: much faster than add().
    void add_all(const std::vector<core::position>& places) {
        auto table = store::open_transfer(settings(), "stores", store::transfer_use::writing);
        ASSERT_TRUE(table) << table.error().text;
        std::vector<store::transfer_row> rows;
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto id = static_cast<std::int64_t>(i) + 1;
            const auto& [latitude, longitude] = places[i];
            rows.push_back(
                {id,
                 fmt::format(
                     R"({{"id":{},"name":"{}","lat":{},"lon":{}}})",
                     id,
                     i,
                     latitude,
                     longitude
                 )}
            );
        }
        const auto written = (*table)->write(rows);
        ASSERT_TRUE(written) << written.error().text;
        ASSERT_EQ(*written, places.size());
    }

    std::unique_ptr<store::places_repository> places_;
};

TEST_P(places_repository, keeps_names_and_positions_exactly) {
    const core::position at{52.520006612345678, -179.99999999999997};
    const auto id = add("연필 🖊", at);
    const auto row = wait(places_->find(id, soon()));
    ASSERT_TRUE(row) << row.error().text;
    EXPECT_EQ(row->fields.name, "연필 🖊");
    EXPECT_EQ(row->fields.at.latitude, at.latitude);
    EXPECT_EQ(row->fields.at.longitude, at.longitude);
    EXPECT_EQ(wait(places_->find(id + 1, soon())).error().code, errc::not_found);
    EXPECT_EQ(wait(places_->remove(id, std::nullopt, soon())), 1);
    EXPECT_EQ(wait(places_->remove(id, std::nullopt, soon())), 0);
    EXPECT_EQ(wait(places_->find(id, soon())).error().code, errc::not_found);
    EXPECT_GT(add("later", at), id) << "ids are not reused";
}

TEST_P(places_repository, adds_once_for_a_key) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    const auto first = wait(places_->add({"a", {1, 2}}, once, soon()));
    EXPECT_EQ(wait(places_->add({"a", {1, 2}}, once, soon())).value(), first.value());
    EXPECT_EQ(near({{1, 2}, 1, 10}).size(), 1U);
}

TEST_P(places_repository, places_at_equal_distances_come_by_id) {
    const auto pole = add("pole", {90, 10});
    const auto east = add("east", {0, 180});
    const auto west = add("west", {0, -180});
    const auto again = add("pole again", {90, -70});
    EXPECT_EQ(near({{89, 0}, 2e5, 10}), (std::vector{pole, again}));
    EXPECT_EQ(near({{0, 179.9}, 2e4, 10}), (std::vector{east, west}));
    EXPECT_EQ(near({{0, -179.9}, 2e4, 10}), (std::vector{east, west}));
    EXPECT_EQ(near({{0, -179.9}, 2e4, 1}), (std::vector{east}));
    EXPECT_EQ(near({{-89, 0}, core::half_circumference_m, 3}), (std::vector{east, west, pole}));
}

TEST_P(places_repository, finds_what_a_comparison_with_every_place_finds) {
    std::mt19937 random{4711};
    std::uniform_real_distribution<double> part{-1, 1};
    std::vector<core::position> places;
    for (int i = 0; i < 2500; ++i) {
        places.push_back({90 * part(random), 180 * part(random)});
        places.push_back({89 + part(random), 180 * part(random)});
        places.push_back({part(random), part(random) < 0 ? -180 - part(random) / 2 : 179.5});
        places.push_back({48.2 + part(random) / 10, 16.4 + part(random) / 10}); // a city
    }
    for (auto& [latitude, longitude] : places) {
        latitude = std::min(latitude, 90.0);
        longitude = longitude < -180 ? longitude + 360 : longitude;
    }
    add_all(places);
    for (std::size_t i = 0; i < 40; ++i) {
        for (const double radius : {900.0, 6e4, 2e6, core::half_circumference_m}) {
            const near_query wanted{places[i], radius, i % 2 == 0 ? 15 : 700};
            std::vector<std::pair<double, std::int64_t>> all;
            for (std::size_t at = 0; at < places.size(); ++at) {
                const double away = core::distance_m(places[i], places[at]);
                if (away <= radius) {
                    all.emplace_back(away, static_cast<std::int64_t>(at) + 1);
                }
            }
            std::ranges::sort(all);
            std::vector<std::int64_t> expected;
            for (const auto& [away, id] : all) {
                if (std::cmp_less(expected.size(), wanted.limit)) {
                    expected.push_back(id);
                }
            }
            ASSERT_EQ(near(wanted), expected) << i << ' ' << radius;
        }
    }
}

// Rows at one place cannot be divided into smaller circles.
TEST_P(places_repository, finds_the_first_of_many_places_at_one_position) {
    std::vector<core::position> places(6000, core::position{10, 20});
    places.push_back({10.001, 20});
    add_all(places);
    EXPECT_EQ(near({{10, 20}, 1e6, 3}), (std::vector<std::int64_t>{1, 2, 3}));
    EXPECT_EQ(near({{10.001, 20}, 1e6, 2}), (std::vector<std::int64_t>{6001, 1}));
}

INSTANTIATE_TEST_SUITE_P(stores, places_repository, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
