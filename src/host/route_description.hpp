// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"
#include "services/service.hpp"

namespace msd::host {

/// A route of a service as it is registered, with its parameters as JSON:
/// `[{"name":"id","type":"integer","required":true},…]`.
[[nodiscard]] core::route_info describe(const services::route& row);

} // namespace msd::host
