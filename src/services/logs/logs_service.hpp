// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// The logs service: accepts log lines of any JSON type from all nodes and appends them to
// DATA/logs/logs.<slot>.jsonl, one JSON object a line. Lines are in the file within a second; no
// caller waits for that. When the disk is full, lines are dropped and counted.
[[nodiscard]] std::unique_ptr<service> make_logs_service(const service_context& context);

} // namespace msd::services
