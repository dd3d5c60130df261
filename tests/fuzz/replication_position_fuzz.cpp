// SPDX-License-Identifier: Apache-2.0
#include "core/replication_position.hpp"
#include "fuzz_target.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using msd::core::replication_position;
using msd::fuzz::require;

// The first line is one position, the rest another.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = msd::fuzz::text_of(data, size);
    const std::size_t line_end = std::min(text.find('\n'), size);
    const auto one = replication_position::parse(text.substr(0, line_end));
    const auto other = replication_position::parse(text.substr(std::min(line_end + 1, size)));
    const replication_position nothing;
    for (const auto& read : {one, other}) {
        require(!read || read->covers(*read), "a position covers itself");
        require(!read || read->covers(nothing), "a position covers nothing");
    }
    if (one && other) {
        require(*one != *other || one->covers(*other), "equal positions cover each other");
    }
    return 0;
}
