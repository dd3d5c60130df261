// SPDX-License-Identifier: Apache-2.0
#include "core/sphere.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace msd::core {
namespace {

constexpr double quarter_m = half_circumference_m / 2;

bool contains(const std::vector<cell_range>& ranges, std::int64_t cell) {
    return std::ranges::any_of(ranges, [cell](const cell_range& each) {
        return each.first <= cell && cell <= each.last;
    });
}

// Points all over the sphere, close to the poles and on both sides of the antimeridian.
std::vector<position> some_positions(std::size_t count) {
    std::mt19937 random{4711};
    std::uniform_real_distribution<double> part{-1, 1};
    std::vector<position> made{{90, 0}, {90, 77}, {-90, 180}, {0, 180}, {0, -180}, {0, 0}};
    while (made.size() < count) {
        made.push_back({90 * part(random), 180 * part(random)});
        made.push_back({90 - std::abs(part(random)), 180 * part(random)});
        made.push_back({part(random), part(random) < 0 ? 180 - 1e-3 : part(random) - 179});
    }
    return made;
}

TEST(sphere, distances_follow_great_circles) {
    EXPECT_NEAR(distance_m({0, 0}, {0, 90}), quarter_m, 1e-3);
    EXPECT_NEAR(distance_m({90, 12}, {-90, -100}), half_circumference_m, 1e-3);
    EXPECT_NEAR(distance_m({90, 0}, {90, 123}), 0, 1e-3);
    EXPECT_NEAR(distance_m({0, 179.5}, {0, -179.5}), half_circumference_m / 180, 1e-3);
    EXPECT_NEAR(distance_m({89, 0}, {89, 180}), half_circumference_m / 90, 1e-3);
    // Berlin to Seoul, also from the scalar product of the two vectors.
    EXPECT_NEAR(distance_m({52.52, 13.405}, {37.5665, 126.978}), 8'126'794.05, 0.01);
    EXPECT_EQ(distance_m({52.52, 13.405}, {52.52, 13.405}), 0);
    EXPECT_EQ(distance_m({0, -179.9}, {0, 180}), distance_m({0, -179.9}, {0, -180}));
    EXPECT_EQ(distance_m({12, 34}, {90, 10}), distance_m({12, 34}, {90, -70}));
}

TEST(sphere, knows_what_is_a_position) {
    EXPECT_TRUE((position{-90, 180}.is_valid()));
    EXPECT_FALSE((position{90.000001, 0}.is_valid()));
    EXPECT_FALSE((position{0, -180.000001}.is_valid()));
    EXPECT_FALSE((position{std::numeric_limits<double>::quiet_NaN(), 0}.is_valid()));
}

TEST(sphere, ranges_contain_every_position_of_a_circle) {
    const auto all = some_positions(10'000);
    std::vector<std::int64_t> cells;
    for (const position& each : all) {
        cells.push_back(cell_of(each));
        ASSERT_GE(cells.back(), 0);
    }
    std::size_t inside = 0;
    for (std::size_t i = 0; i < 60; ++i) {
        const position& centre = all[i];
        for (const double radius : {0.001, 10.0, 3e3, 1e5, 4e6, quarter_m, half_circumference_m}) {
            const auto ranges = cells_around(centre, radius);
            ASSERT_FALSE(ranges.empty());
            ASSERT_LE(ranges.size(), cell_ranges_max);
            EXPECT_TRUE(std::ranges::is_sorted(ranges));
            for (std::size_t at = 0; at < all.size(); ++at) {
                if (distance_m(centre, all[at]) <= radius) {
                    ++inside;
                    ASSERT_TRUE(contains(ranges, cells[at])) << i << ' ' << radius << ' ' << at;
                }
            }
        }
    }
    EXPECT_GT(inside, 100'000U);
}

// A search in a database reads all rows of the ranges.
TEST(sphere, ranges_are_not_much_larger_than_the_circle) {
    std::mt19937 random{815};
    std::uniform_real_distribution<double> part{-1, 1};
    for (const double radius : {3e3, 1e5, 1e6}) {
        for (const position& centre : some_positions(60)) {
            const auto ranges = cells_around(centre, radius);
            std::int64_t largest = 0;
            for (const auto& [first, last] : ranges) {
                largest = std::max(largest, last - first + 1);
            }
            // The side of a cube, as a part of the diameter of the earth.
            const double side = std::cbrt(std::ldexp(static_cast<double>(largest), -60));
            EXPECT_LT(side * 2 * earth_radius_m, 8 * radius) << centre.latitude;
        }
    }
}

} // namespace
} // namespace msd::core
