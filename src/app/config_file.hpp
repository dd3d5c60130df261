// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config_schema.hpp"
#include "base/result.hpp"
#include "config/problems.hpp"

#include <cstddef>
#include <string_view>

// Configuration files, checked key by key against the schema.
namespace msd::app {

constexpr std::size_t config_problems_max = 20; // reported for one file, except by msd check

/// Sets the values of `text` in `into`, and adds every problem. When there is one, the values in
/// `into` must not be used, except to look for further problems. `name` is that of the file, for
/// the sources of routes.
void read_config(
    std::string_view text,
    std::string_view name,
    const config_schema& schema,
    configuration& into,
    config::problems& wrong
);

/// The same, but changes nothing when there is a problem. errc::invalid with one line for each
/// problem, `NAME:LINE: KEY: what is wrong`, in the order of the file.
[[nodiscard]] result<void> read_config(
    std::string_view text,
    std::string_view name,
    const config_schema& schema,
    configuration& into
);

} // namespace msd::app
