// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// What members bought. A purchase is written only when the goods service knows the product, and
// keeps the price it had then. Who the member is, it does not ask.
[[nodiscard]] std::unique_ptr<service> make_purchases_service(const service_context& context);

} // namespace msd::services
