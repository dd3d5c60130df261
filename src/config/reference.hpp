// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "config/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

// The documents that contain every key: the commented configuration file and the manual page. They
// are made from the descriptions of the keys, so that they cannot differ from what msd does.
namespace msd::config {

/// The configuration file: the comment at the beginning of `old`, up to the first empty line, and
/// then every key with its default, commented out.
[[nodiscard]] std::string
write_file_reference(const std::vector<documented>& keys, std::string_view old);

/// The manual page: `old` with a new part between `.Sh KEYS` and the next `.Sh`. Texts that stand
/// in this part behind the list of a section stay there. errc::invalid: the page has no such part.
[[nodiscard]] result<std::string>
write_page_reference(const std::vector<documented>& keys, std::string_view old);

} // namespace msd::config
