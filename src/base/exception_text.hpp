// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

namespace msd {

/// What an exception says of itself, for logs; `thrown` is not null.
[[nodiscard]] std::string exception_text(const std::exception_ptr& thrown);

} // namespace msd
