// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace msd::store {

// Pieces of one product that were bought; below zero they were returned.
struct goods_sale {
    std::int64_t goodsid = 0;
    std::int64_t quantity = 0;
};

} // namespace msd::store
