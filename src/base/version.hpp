// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace msd {

/// The version of the project as the top CMakeLists.txt has it, e.g. "0.1.0".
[[nodiscard]] std::string_view version();

/// Compiler, build type, sanitizers, in one line.
[[nodiscard]] std::string_view build_facts();

} // namespace msd
