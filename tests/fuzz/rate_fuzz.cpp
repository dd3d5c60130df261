// SPDX-License-Identifier: Apache-2.0
// The rate of a limit, as a configuration contains it.
#include "core/resilience/rate.hpp"
#include "fuzz_target.hpp"

#include <string>

using msd::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using msd::core::resilience::rate;
    const auto read = msd::core::resilience::read_rate(msd::fuzz::text_of(data, size));
    if (!read) {
        require(!read.error().text.empty(), "a refusal has a text");
        return 0;
    }
    require(read->requests >= 1 && read->requests <= rate::requests_max, "a rate has its bounds");
    require(read->interval().count() >= 1, "an interval is not 0");
    require(read->interval() <= read->per, "an interval is a part of the period");
    return 0;
}
