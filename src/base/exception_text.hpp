// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

namespace msd {

/// The what() of an exception, for logs; `thrown` is not null.
[[nodiscard]] std::string exception_text(const std::exception_ptr& thrown);

} // namespace msd
