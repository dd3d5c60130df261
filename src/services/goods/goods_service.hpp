// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// Products: a list in pages, one by id, added, replaced, removed. The plainest service there is,
// and so the one to start from when writing another.
[[nodiscard]] std::unique_ptr<service> make_goods_service(const service_context& context);

} // namespace msd::services
