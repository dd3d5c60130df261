// SPDX-License-Identifier: Apache-2.0
#include "base/version.hpp"

namespace msd {

namespace {

constexpr std::string_view sanitizers = MSD_SANITIZE;

#if defined(__clang__)
constexpr std::string_view facts_plain = "clang " __clang_version__ ", " MSD_BUILD_TYPE;
constexpr std::string_view facts_sanitized =
    "clang " __clang_version__ ", " MSD_BUILD_TYPE ", sanitizers " MSD_SANITIZE;
#else
constexpr std::string_view facts_plain = "gcc " __VERSION__ ", " MSD_BUILD_TYPE;
constexpr std::string_view facts_sanitized =
    "gcc " __VERSION__ ", " MSD_BUILD_TYPE ", sanitizers " MSD_SANITIZE;
#endif

} // namespace

std::string_view version() {
    return MSD_VERSION;
}

std::string_view build_facts() {
    return sanitizers.empty() ? facts_plain : facts_sanitized;
}

} // namespace msd
