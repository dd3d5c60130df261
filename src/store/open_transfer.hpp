// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/open.hpp"
#include "store/transfer.hpp"

#include <memory>
#include <string_view>

namespace msd::store {

/// The rows of `service` ("goods", "members", "purchases") in the configured store; executor and
/// clock of the settings are not used. Opening for reading changes nothing, whichever version of
/// msd or existing deployment created the store; opening for writing migrates the schema.
/// errc::invalid: the settings cannot work, or the service has no rows.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
open_transfer(const store_settings& where, std::string_view service, transfer_use use);

} // namespace msd::store
