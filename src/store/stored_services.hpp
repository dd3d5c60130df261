// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace msd::store {

/// Names of the services that store rows, in the order of store/stored_entities.hpp. Each is the
/// name of a table, of a file of the embedded store, and of a file of an export.
[[nodiscard]] std::span<const std::string_view> stored_services();

/// Whether a database or an export without rows of this service may come from an earlier version of
/// msd or an existing deployment, which did not have the service.
[[nodiscard]] bool may_be_missing(std::string_view service);

} // namespace msd::store
