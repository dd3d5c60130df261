// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd::services {

/// BLAKE2b-256 of `text` in hexadecimal.
[[nodiscard]] std::string digest_of(std::string_view text);

} // namespace msd::services
