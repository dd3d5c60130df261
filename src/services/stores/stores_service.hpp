// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

/// Stores are places with a name: /stores. GET finds those near a position.
[[nodiscard]] std::unique_ptr<service> make_stores_service(const service_context& context);

} // namespace msd::services
