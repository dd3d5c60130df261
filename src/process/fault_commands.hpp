// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "core/fault_board.hpp"

#include <string>

namespace msd::process {

/// The part of a control command about faults: {"command":"fault","do":"add","service":…,
/// "endpoint":…,"delay_ms":…,"error":…,"abort":…,"lose_after":…,"percent":…,"for_ms":…}, "list", or
/// "clear" with "id" or "service" or neither. The answer is a JSON object; a list and an addition
/// name the faults that apply now. errc::invalid says what is wrong, and nothing has changed.
[[nodiscard]] result<std::string>
answer_fault(const json::object& command, core::fault_board& board, time_point now);

/// The faults as a JSON array.
void write_faults(json::writer& out, const core::fault_board& board, time_point now);

} // namespace msd::process
