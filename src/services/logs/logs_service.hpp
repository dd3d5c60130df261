// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// The logs service: accepts log lines of any JSON type and appends them to the files of their
// source, DATA/logs/{client,node,msd}.<slot>.jsonl, one JSON object a line. The source is decided
// by the connection and not by the line (services/logs/log_line.hpp). Each source has its own
// quotas of rate and space. Lines are in the file within a second; no caller waits for that. Lines
// over a quota, and lines while the disk is full, are dropped and counted. Files logs.<slot>.jsonl
// of an earlier version are kept and deleted one by one as new files fill.
[[nodiscard]] std::unique_ptr<service> make_logs_service(const service_context& context);

} // namespace msd::services
