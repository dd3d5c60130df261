// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// The purchases service: stores what members buy. A purchase is stored only when the goods service
// knows the product, with the price at that time. The id of the member is not checked.
[[nodiscard]] std::unique_ptr<service> make_purchases_service(const service_context& context);

} // namespace msd::services
