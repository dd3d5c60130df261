// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

// Distances on the earth, taken as a sphere, and the cells by which a database finds what is near.
// A position is a point in space, and a cell is a cube of space with a part of the surface in it.
// So neither the poles nor the antimeridian are special, as they would be in cells of latitude and
// longitude. Numbers of cells follow a Z-order curve: a cube of twice the size has the numbers of
// its eight parts, one after another, and a circle is covered by few ranges of numbers.
namespace msd::core {

struct position {
    double latitude = 0;  // degrees, −90 … 90
    double longitude = 0; // degrees, −180 … 180

    [[nodiscard]] bool is_valid() const;
};

inline constexpr double earth_radius_m = 6'371'008.8;
inline constexpr double half_circumference_m = 3.14159265358979323846 * earth_radius_m;

/// Along a great circle, by the haversine formula: exact to a millimetre, except for points that
/// are nearly opposite to each other, where it is exact to a few decimetres. Two positions of one
/// point, such as longitudes 180 and −180, have equal distances.
[[nodiscard]] double distance_m(const position& from, const position& to);

/// The number of the smallest cell, about 12 m wide, that contains the position; not negative.
[[nodiscard]] std::int64_t cell_of(const position& where);

struct cell_range {
    std::int64_t first = 0;
    std::int64_t last = 0;

    auto operator<=>(const cell_range&) const = default;
};

inline constexpr std::size_t cell_ranges_max = 12;

/// Ranges that contain the cell of every position within `radius_m` (0 … half_circumference_m) of
/// `centre`: 1 … cell_ranges_max, ascending, which do not touch. They contain other positions, too,
/// in an area of a few times that of the circle.
[[nodiscard]] std::vector<cell_range> cells_around(const position& centre, double radius_m);

} // namespace msd::core
