// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace msd::store {

/// Names of the services that store rows, in the order of store/stored_entities.hpp. Each is the
/// name of a table, of a file of the embedded store, and of a file of an export.
[[nodiscard]] std::span<const std::string_view> stored_services();

} // namespace msd::store
