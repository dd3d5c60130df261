// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "services/service.hpp"
#include "store/idempotency.hpp"
#include "store/page.hpp"

#include <optional>
#include <string_view>

// Between what a store says and what a client is told. Texts of store errors are for the log; none
// of them reaches a reply.
namespace msd::services {

[[nodiscard]] reply store_failure(const error& why);

/// `results` and, when there are more rows, `next`. An empty page has empty `results`.
[[nodiscard]] reply page_reply(store::page rows);

/// The mark of a write that carries an Idempotency-Key; nothing without one. `operation` names what
/// is done, the same for all paths to it: "POST/goods".
[[nodiscard]] std::optional<store::idempotency>
idempotency_of(const call& asked, std::string_view operation);

} // namespace msd::services
