// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd {

/// The version of the project as the top CMakeLists.txt has it, e.g. "0.1.0".
[[nodiscard]] std::string_view version();

/// Compiler, build type, sanitizers, in one line.
[[nodiscard]] std::string_view build_facts();

/// Distinguishes builds of one version: the version with the beginning of the linker's build ID of
/// the running program (NT_GNU_BUILD_ID of the ELF notes) as build metadata of Semantic Versioning,
/// e.g. "0.1.0+5f1c09ae". Without a build ID it is the version.
[[nodiscard]] std::string build_name();

} // namespace msd
