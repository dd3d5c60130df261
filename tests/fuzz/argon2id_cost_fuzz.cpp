// SPDX-License-Identifier: Apache-2.0
// Reads the cost of a password hash.
#include "fuzz_target.hpp"
#include "store/argon2id_cost.hpp"

#include <fmt/format.h>

#include <cstdint>

using msd::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto hash = msd::fuzz::text_of(data, size);
    const auto cost = msd::store::argon2id_cost_of(hash);
    const auto checked = msd::store::check_argon2id_cost(hash);
    require(cost || !checked, "a hash without a cost is not checked");
    if (cost) {
        require(msd::store::is_argon2id(hash), "only argon2id has this cost");
        const auto& max = msd::store::argon2id_cost_max;
        const bool fits = cost->memory_kib <= max.memory_kib && cost->passes <= max.passes &&
                          cost->lanes <= max.lanes;
        require(fits == checked.has_value(), "no hash above the limits is checked");
    }
    return 0;
}
