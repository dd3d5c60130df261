// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace msd::store {

// What the members think of one product. Nobody's opinion is the same as no votes.
struct goods_votes {
    std::int64_t likes = 0;
    std::int64_t dislikes = 0;
    std::int64_t ratings = 0; // how many members gave stars
    std::int64_t stars = 0;   // of all of them together

    /// The mean number of stars in hundredths, rounded; 0 without ratings.
    [[nodiscard]] std::int64_t rating_e2() const {
        return ratings == 0 ? 0 : (200 * stars + ratings) / (2 * ratings);
    }

    bool operator==(const goods_votes&) const = default;
};

enum class vote_kind : std::uint8_t { like, dislike, rating };

inline constexpr std::int64_t stars_max = 5;

// A member gives or withdraws one vote. Like and dislike exclude each other.
struct goods_vote {
    std::int64_t goodsid = 0;
    std::int64_t userid = 0;
    vote_kind kind = vote_kind::like;
    std::int64_t value = 0; // of a rating: 1 … stars_max; of the others: 1; 0 withdraws
};

enum class rank_key : std::uint8_t { likes, rating, sales };

} // namespace msd::store
