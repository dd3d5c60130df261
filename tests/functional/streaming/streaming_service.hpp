// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

/// A service for tests, named `streaming`, whose replies have headers or are streams.
[[nodiscard]] std::unique_ptr<service> make_streaming_service(const service_context& context);

} // namespace msd::services
