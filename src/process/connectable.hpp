// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string_view>

namespace msd::process {

/// Checks that a client can connect to `host`: a host name (RFC 1123; underscores are accepted,
/// because container platforms create such names), or an address that is neither unspecified nor
/// multicast nor broadcast. errc::invalid.
[[nodiscard]] result<void> check_connectable(std::string_view host);

} // namespace msd::process
