// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/server_settings.hpp"
#include "store/transfer.hpp"

#include <memory>
#include <string_view>

namespace msd::store::mysql {

/// The rows of `service` on a server. Opening for reading does not change the schema; rows of an
/// existing deployment's tables are returned as msd would adopt them. errc::not_found: there is no
/// table of that name.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
open_transfer(const server_settings& at, std::string_view service, transfer_use use);

} // namespace msd::store::mysql
