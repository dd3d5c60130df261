// SPDX-License-Identifier: Apache-2.0
#include "core/sphere.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace msd::core {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr int levels = 20; // 2^20 cells in each direction at the finest level
constexpr std::int64_t finest = std::int64_t{1} << levels;
// At a level, the cube around the circle touches at most this many cells in each direction.
constexpr std::int64_t span_max = 4;
// Covers rounding: 6 mm.
constexpr double margin = 1e-9;

using vector = std::array<double, 3>; // of length 1 for a position

double radians(double degrees) {
    return degrees * (pi / 180);
}

// One of the longitudes of a point that has several, so that rounding is the same for all.
double one_longitude(const position& where) {
    if (std::abs(where.latitude) == 90) {
        return 0;
    }
    return where.longitude == 180 ? -180 : where.longitude;
}

vector vector_of(const position& where) {
    const double latitude = radians(where.latitude);
    const double longitude = radians(where.longitude);
    return {
        std::cos(latitude) * std::cos(longitude),
        std::cos(latitude) * std::sin(longitude),
        std::sin(latitude)};
}

// Of the finest level.
std::int64_t index_of(double coordinate) {
    const double scaled = std::floor((coordinate + 1) / 2 * static_cast<double>(finest));
    return static_cast<std::int64_t>(std::clamp(scaled, 0.0, static_cast<double>(finest - 1)));
}

std::int64_t interleave(const std::array<std::int64_t, 3>& at) {
    std::int64_t number = 0;
    for (int bit = levels - 1; bit >= 0; --bit) {
        for (const std::int64_t index : at) {
            number = number << 1 | (index >> bit & 1);
        }
    }
    return number;
}

// The squares of the least and of the greatest distance from a point to the cube whose lowest
// corner is `low`.
std::array<double, 2> squares_to(const vector& point, const vector& low, double side) {
    double least = 0;
    double most = 0;
    for (std::size_t i = 0; i < point.size(); ++i) {
        const double below = low[i] - point[i];
        const double above = point[i] - (low[i] + side);
        const double outside = std::max({below, above, 0.0});
        const double farthest = std::max(std::abs(below), std::abs(above));
        least += outside * outside;
        most += farthest * farthest;
    }
    return {least, most};
}

struct circle {
    vector centre;
    double chord = 0; // the straight distance from the centre to the edge
};

// Whether the cube has a part of the surface, and of the circle.
bool touches(const circle& around, const vector& low, double side) {
    const auto [nearest, farthest] = squares_to({0, 0, 0}, low, side);
    constexpr double tolerance = 4 * margin;
    if (nearest > 1 + tolerance || farthest < 1 - tolerance) {
        return false;
    }
    return squares_to(around.centre, low, side)[0] <= around.chord * around.chord + tolerance;
}

// Empty when the circle is too large for the level.
std::vector<cell_range> cover(const circle& around, int level) {
    const int shift = levels - level;
    const double side = std::ldexp(2.0, -level);
    std::array<std::int64_t, 3> first{};
    std::array<std::int64_t, 3> last{};
    for (std::size_t i = 0; i < first.size(); ++i) {
        first[i] = index_of(around.centre[i] - around.chord) >> shift;
        last[i] = index_of(around.centre[i] + around.chord) >> shift;
        if (last[i] - first[i] >= span_max) {
            return {};
        }
    }
    std::vector<cell_range> ranges;
    for (std::int64_t x = first[0]; x <= last[0]; ++x) {
        for (std::int64_t y = first[1]; y <= last[1]; ++y) {
            for (std::int64_t z = first[2]; z <= last[2]; ++z) {
                const auto edge = [side](std::int64_t index) {
                    return static_cast<double>(index) * side - 1;
                };
                if (touches(around, {edge(x), edge(y), edge(z)}, side)) {
                    const auto number = interleave({x << shift, y << shift, z << shift});
                    ranges.push_back({number, number + (std::int64_t{1} << 3 * shift) - 1});
                }
            }
        }
    }
    return ranges;
}

// Joins ranges that follow one another.
void join(std::vector<cell_range>& ranges) {
    std::ranges::sort(ranges);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        if (ranges[kept].last + 1 == ranges[i].first) {
            ranges[kept].last = ranges[i].last;
        } else {
            ranges[++kept] = ranges[i];
        }
    }
    ranges.resize(kept + 1);
}

} // namespace

bool position::is_valid() const {
    return std::abs(latitude) <= 90 && std::abs(longitude) <= 180; // false for NaN
}

double distance_m(const position& from, const position& to) {
    const double latitudes = std::sin(radians(to.latitude - from.latitude) / 2);
    const double longitudes = std::sin(radians(one_longitude(to) - one_longitude(from)) / 2);
    const double both = std::cos(radians(from.latitude)) * std::cos(radians(to.latitude));
    const double part = latitudes * latitudes + both * longitudes * longitudes;
    return 2 * earth_radius_m * std::asin(std::min(1.0, std::sqrt(part)));
}

std::int64_t cell_of(const position& where) {
    const vector at = vector_of(where);
    return interleave({index_of(at[0]), index_of(at[1]), index_of(at[2])});
}

std::vector<cell_range> cells_around(const position& centre, double radius_m) {
    const double angle = std::clamp(radius_m / earth_radius_m, 0.0, pi);
    const circle around{vector_of(centre), 2 * std::sin(angle / 2) + margin};
    for (int level = levels; level > 0; --level) {
        auto ranges = cover(around, level);
        if (ranges.empty()) {
            continue;
        }
        join(ranges);
        if (ranges.size() <= cell_ranges_max) {
            return ranges;
        }
    }
    return {{0, interleave({finest - 1, finest - 1, finest - 1})}};
}

} // namespace msd::core
