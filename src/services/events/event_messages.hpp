// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/events/cloud_event.hpp"
#include "store/event_log.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The requests and replies of the service events as JSON, for the service and for those that call
// it (docs/protocol.md).
namespace msd::services {

/// An event, or an array of 1 to published_at_once_max events.
[[nodiscard]] or_problem<std::vector<store::event_fields>>
read_events(std::string_view json, std::int64_t now_ms);
[[nodiscard]] std::string events_text(const std::vector<store::event_fields>& events);

[[nodiscard]] or_problem<store::pull_request> read_pull(std::string_view json);
[[nodiscard]] std::string pull_text(const store::pull_request& wanted);

/// The members of the reply.
[[nodiscard]] std::string pulled_members(const store::pulled& from);
/// `json` is a whole reply.
[[nodiscard]] or_problem<store::pulled> read_pulled(std::string_view json);

[[nodiscard]] or_problem<store::settlement> read_settlement(std::string_view json);
[[nodiscard]] std::string settlement_text(const store::settlement& made);

} // namespace msd::services
