// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/transfer.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace msd::store::sqlite {

/// The rows of `service` in the embedded store under `data_dir`. Writing creates what is missing
/// and takes turns with the workers of the service. errc::unavailable: there is no such store.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
open_transfer(const std::filesystem::path& data_dir, std::string_view service, transfer_use use);

} // namespace msd::store::sqlite
