// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"
#include "services/service.hpp"

namespace msd::roles {

/// A row of a service's table as the registry tells it to others: with its parameters as JSON,
/// `[{"name":"id","type":"integer","required":true},…]`.
[[nodiscard]] core::route_info describe(const services::route& row);

} // namespace msd::roles
