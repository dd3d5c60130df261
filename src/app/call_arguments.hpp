// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <span>
#include <string>

namespace msd::app {

/// The params of a request from the words of `msd call`: `name=value` each, values as strings
/// (services read numbers from them), the last of a repeated name; or one word that is a JSON
/// object. No words:
/// {}. errc::invalid names the word.
[[nodiscard]] result<std::string> call_params(std::span<const std::string> words);

} // namespace msd::app
