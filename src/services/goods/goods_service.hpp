// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// The goods service: products are listed in pages, found by id, added, replaced and deleted. It is
// the simplest service: use it as the example for a new service.
[[nodiscard]] std::unique_ptr<service> make_goods_service(const service_context& context);

} // namespace msd::services
