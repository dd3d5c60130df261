// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace msd::services {

enum class parameter_type : std::uint8_t {
    text,    // a string; of a number or boolean, its JSON text
    integer, // a JSON integer or a numeric string
    decimal, // a JSON number or numeric string with at most four decimals
    real,    // a JSON number or numeric string, as the nearest double
};

// Which characters a text may contain.
enum class characters : std::uint8_t {
    all,
    // None that base/printable.hpp calls unprintable: no control and no format characters. For
    // names that people compare by eye and that terminals, logs and tables show.
    name,
};

// One parameter of a route: how it is checked before the handler runs, and its description.
struct parameter {
    std::string_view name;
    parameter_type type = parameter_type::text;
    bool required = false;
    bool secret = false;                  // shown as `***` in logs and errors
    std::size_t length_max = 128;         // text: code points
    std::size_t length_min = 0;           // text: code points
    characters allowed = characters::all; // text
    std::int64_t minimum = std::numeric_limits<std::int64_t>::min(); // of a number
    std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
    std::string_view about = {}; // one line of description
};

} // namespace msd::services
