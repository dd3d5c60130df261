// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "config/value.hpp"
#include "core/request_limit.hpp"

#include <string_view>

// A limit of requests as a value of the configuration: "100/s", or a table with rate, burst and
// key. `all` is the word for counting all requests together: "route", or "all".
namespace msd::app {

/// errc::invalid says what is wrong.
[[nodiscard]] result<core::request_limit>
read_limit(const config::value& from, std::string_view all);

/// The shortest value that read_limit() reads as `limit`; an empty text when it is not on.
[[nodiscard]] config::value value_of_limit(const core::request_limit& limit, std::string_view all);

} // namespace msd::app
