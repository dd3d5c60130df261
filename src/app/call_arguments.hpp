// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <span>
#include <string>

namespace msd::app {

/// The params of a request from the words of `msd call`. Either each word is `name=value`: values
/// become strings (services read numbers from them), and the last value of a repeated name counts.
/// Or there is one word, a JSON object. No words: {}. errc::invalid names the wrong word.
[[nodiscard]] result<std::string> call_params(std::span<const std::string> words);

} // namespace msd::app
