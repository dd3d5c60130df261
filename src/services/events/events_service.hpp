// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

/// Events between services: /events. Anything that happened is published once and handed out to
/// each group of consumers until it has been handled.
[[nodiscard]] std::unique_ptr<service> make_events_service(const service_context& context);

} // namespace msd::services
