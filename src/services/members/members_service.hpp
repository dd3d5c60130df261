// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// Members: added with a password, checked by it, removed. Hashing runs on a lane of its own, two at
// once: it is meant to cost time and memory, and must cost neither the loop's nor the machine's.
[[nodiscard]] std::unique_ptr<service> make_members_service(const service_context& context);

} // namespace msd::services
