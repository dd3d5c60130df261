// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "services/service.hpp"
#include "store/idempotency.hpp"
#include "store/page.hpp"

#include <optional>
#include <string_view>

// Translates results of the store into replies to clients. The texts of store errors are only
// logged and never sent to a client.
namespace msd::services {

[[nodiscard]] reply store_failure(const error& why);

/// `results` and, when there are more rows, `next`. An empty page has empty `results`.
[[nodiscard]] reply page_reply(store::page rows);

/// The idempotency record of a request that has an Idempotency-Key; otherwise nullopt. `operation`
/// names the operation, with one name for all of its paths: "POST/goods". The key belongs to the
/// client of the request, if that is known: the same key of another client is another key.
[[nodiscard]] std::optional<store::idempotency>
idempotency_of(const call& asked, std::string_view operation);

} // namespace msd::services
