// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/sphere.hpp"
#include "store/entity.hpp"
#include "store/places_repository.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

// The search for the nearest places, in the same way on every database: rows of the index of cells,
// whose distances are then computed. A large circle can contain all rows while few are wanted, so a
// circle with too many rows is first replaced by smaller ones.
namespace msd::store {

// The nearest of the places that were added.
class nearest_first {
public:
    explicit nearest_first(const near_query& wanted) : wanted_{wanted} {}

    void clear() { kept_.clear(); }
    [[nodiscard]] bool is_full() const { return std::cmp_equal(kept_.size(), wanted_.limit); }

    /// Keeps the place if it is within `radius_m` and one of the nearest so far.
    void add(place_row row, double radius_m) {
        const double away = core::distance_m(wanted_.centre, row.fields.at);
        if (away > radius_m) {
            return;
        }
        near_place found{std::move(row), away};
        if (is_full()) {
            if (!comes_first(found, kept_.front())) {
                return;
            }
            std::ranges::pop_heap(kept_, comes_first);
            kept_.pop_back();
        }
        kept_.push_back(std::move(found));
        std::ranges::push_heap(kept_, comes_first);
    }

    [[nodiscard]] std::vector<near_place> take() {
        std::ranges::sort_heap(kept_, comes_first);
        return std::move(kept_);
    }

private:
    static bool comes_first(const near_place& one, const near_place& other) {
        return one.distance_m != other.distance_m ? one.distance_m < other.distance_m
                                                  : one.row.id < other.row.id;
    }

    near_query wanted_;
    std::vector<near_place> kept_; // a heap: the farthest is in front
};

namespace nearest_parts {

// Parameters: the first and last cell of each range. Then either the greatest number of rows, or
// the id that rows are above and that number.
constexpr entity_parts::compiled_text in_cells(std::string_view rest) {
    auto made = entity_parts::select_from<places_entity>().append(" WHERE (");
    for (std::size_t i = 0; i < core::cell_ranges_max; ++i) {
        made.append(i == 0 ? "cell BETWEEN ? AND ?" : " OR cell BETWEEN ? AND ?");
    }
    return made.append(")").append(rest);
}

inline constexpr std::string_view some_in_cells = entity_parts::literal<[] {
    return in_cells(" LIMIT ?");
}()>::text;
inline constexpr std::string_view page_in_cells = entity_parts::literal<[] {
    return in_cells(" AND id > ? ORDER BY id LIMIT ?");
}()>::text;

constexpr std::int64_t rows_at_once = 5000; // the driver of MySQL keeps all of them in memory
// A circle with more rows than that is too large: it costs less to try a smaller one first.
constexpr std::int64_t rows_per_place = 4; // of those that are wanted
constexpr std::int64_t rows_more = 256;
constexpr double shrinking = 4;
constexpr double radius_min_m = 10; // smaller circles have the same cells

template <class Query>
void bind_cells(Query& rows, std::span<const core::cell_range> cells) {
    for (std::size_t i = 0; i < core::cell_ranges_max; ++i) {
        const bool is_used = i < cells.size(); // no cell is below 0
        rows.bind(is_used ? cells[i].first : -1).bind(is_used ? cells[i].last : -1);
    }
}

struct rows_read {
    std::int64_t count = 0;
    std::int64_t last_id = 0;
};

template <class Query>
result<rows_read> read_into(nearest_first& kept, Query& rows, double radius_m) {
    for (rows_read done;; ++done.count) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return done;
        }
        auto row = read_entity<places_entity>(rows);
        done.last_id = row.id;
        kept.add(std::move(row), radius_m);
    }
}

// Adds all places of the circle; false: its cells have too many rows, and only some were added.
template <class Query, class Connection>
result<bool> try_circle(Connection& on, nearest_first& kept, const near_query& circle) {
    const std::int64_t rows_max = rows_more + rows_per_place * circle.limit;
    const auto cells = core::cells_around(circle.centre, circle.radius_m);
    Query rows{on, some_in_cells};
    bind_cells(rows, cells);
    const auto done = read_into(kept, rows.bind(rows_max + 1), circle.radius_m);
    if (!done) {
        return tl::unexpected{done.error()};
    }
    return done->count <= rows_max;
}

// Adds all places of the circle, however many there are.
template <class Query, class Connection>
result<void>
read_circle(Connection& on, nearest_first& kept, const near_query& circle, deadline until) {
    const auto cells = core::cells_around(circle.centre, circle.radius_m);
    for (std::int64_t after = 0;;) {
        Query rows{on, page_in_cells};
        bind_cells(rows, cells);
        const auto done = read_into(kept, rows.bind(after).bind(rows_at_once), circle.radius_m);
        if (!done) {
            return tl::unexpected{done.error()};
        }
        if (done->count < rows_at_once) {
            return {};
        }
        if (until.passed()) {
            return fail(errc::timeout, "too many places near there");
        }
        after = done->last_id;
    }
}

} // namespace nearest_parts

/// The nearest places in the circle, the nearest first and those at equal distances by id.
template <class Query, class Connection>
result<std::vector<near_place>>
nearest_places(Connection& on, const near_query& wanted, deadline until) {
    using namespace nearest_parts;
    nearest_first kept{wanted};
    near_query circle = wanted;
    // Smaller, until few enough rows are read.
    for (;;) {
        kept.clear();
        const auto all = try_circle<Query>(on, kept, circle);
        if (!all) {
            return tl::unexpected{all.error()};
        }
        if (*all) {
            break;
        }
        if (circle.radius_m <= radius_min_m) {
            kept.clear();
            if (auto done = read_circle<Query>(on, kept, circle, until); !done) {
                return tl::unexpected{std::move(done.error())};
            }
            break;
        }
        circle.radius_m = std::max(circle.radius_m / shrinking, radius_min_m);
    }
    // Larger again, if it had too few of them: other circles around it had too many.
    while (!kept.is_full() && circle.radius_m < wanted.radius_m) {
        kept.clear();
        circle.radius_m = std::min(circle.radius_m * shrinking, wanted.radius_m);
        if (auto done = read_circle<Query>(on, kept, circle, until); !done) {
            return tl::unexpected{std::move(done.error())};
        }
    }
    return kept.take();
}

} // namespace msd::store
