// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// Takes log lines of whatever shape from all nodes and appends them to DATA/logs/logs.<slot>.jsonl,
// one JSON object a line. Lines reach the file within a second; nobody waits for that, and a disk
// that is full costs lines, which are counted, and nothing else.
[[nodiscard]] std::unique_ptr<service> make_logs_service(const service_context& context);

} // namespace msd::services
