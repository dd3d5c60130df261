// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/sphere.hpp"
#include "store/entity.hpp"
#include "store/idempotency.hpp"

#include <asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace msd::store {

struct place_fields {
    std::string name;
    core::position at;
};

struct place_row {
    std::int64_t id = 0;
    place_fields fields;
    std::int64_t cell = 0; // of `fields.at`
};

struct places_entity {
    using row = place_row;
    static constexpr std::string_view service = "stores";
    static constexpr std::array columns{
        column{"name"},
        column{"lat"},
        column{"lon"},
        column{.name = "cell", .is_derived = true, .is_indexed = true}};
    static auto values(auto& of) {
        return std::tie(of.fields.name, of.fields.at.latitude, of.fields.at.longitude, of.cell);
    }
    /// errc::malformed: the position is not on the earth.
    static result<void> derive(row& of) {
        if (!of.fields.at.is_valid()) {
            return fail(errc::malformed, "lat and lon are not a position");
        }
        of.cell = core::cell_of(of.fields.at);
        return {};
    }
};

struct near_query {
    core::position centre;
    double radius_m = 0;    // above 0, at most core::half_circumference_m
    std::int64_t limit = 0; // 1 … page_rows_max
};

struct near_place {
    place_row row;
    double distance_m = 0;
};

// The stores of the service of that name: places with a name and a position. Errors common to all
// operations: as goods_repository.
class places_repository {
public:
    virtual ~places_repository() = default;

    /// Returns the new id. The position must be valid.
    virtual asio::awaitable<result<std::int64_t>>
    add(place_fields fields, std::optional<idempotency> once, deadline until) = 0;

    /// errc::not_found.
    virtual asio::awaitable<result<place_row>> find(std::int64_t id, deadline until) = 0;

    /// Returns the number of removed rows: 1 or 0.
    virtual asio::awaitable<result<std::int64_t>>
    remove(std::int64_t id, std::optional<idempotency> once, deadline until) = 0;

    /// The places in the circle, the nearest first and those at equal distances by id.
    virtual asio::awaitable<result<std::vector<near_place>>>
    near(near_query wanted, deadline until) = 0;
};

} // namespace msd::store
