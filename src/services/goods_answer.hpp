// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/money.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msd::services {

// The product in a reply of the goods service.
struct goods_answer {
    bool known = false;
    std::optional<money> price; // nullopt also when the row has no valid price
    std::string row;            // the product as a JSON object, byte for byte as received
};

/// Finds the row of product `id` in the `results` of a reply. msd's goods service sends only that
/// row; a foreign one ignores the parameter and sends all its rows. errc::malformed: the reply
/// cannot be parsed.
[[nodiscard]] result<goods_answer> find_goods(std::string_view reply, std::int64_t id);

/// Reads a row that find_goods() returned earlier. errc::malformed: the row cannot be parsed, or it
/// belongs to another product.
[[nodiscard]] result<goods_answer> read_goods(std::string row, std::int64_t id);

} // namespace msd::services
