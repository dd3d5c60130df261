// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/open.hpp"
#include "store/transfer.hpp"

#include <memory>
#include <string_view>

namespace msd::store {

/// The rows of `service` ("goods", "members", "purchases") in the store that the settings name;
/// their executor and clock are not used. For reading the store stays as it is, whatever version
/// or deployment made it; for writing it is brought up to date. errc::invalid: settings that cannot
/// work, or a service without rows.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
open_transfer(const store_settings& where, std::string_view service, transfer_use use);

} // namespace msd::store
