// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/money.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msd::services {

// What the goods service said about one product.
struct goods_answer {
    bool known = false;
    std::optional<money> price; // also absent when what stands there is no price
    std::string row;            // the product as a JSON object, byte for byte as it came
};

/// Looks for `id` in the `results` of a reply: msd's goods service sends that one row, a foreign
/// one ignores the question and sends all it has. errc::malformed: the reply is not one.
[[nodiscard]] result<goods_answer> find_goods(std::string_view reply, std::int64_t id);

/// A row that find_goods() found, read again. errc::malformed: it is no such row, or that of
/// another product.
[[nodiscard]] result<goods_answer> read_goods(std::string row, std::int64_t id);

} // namespace msd::services
