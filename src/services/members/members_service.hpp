// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/service.hpp"

#include <memory>

namespace msd::services {

// The members service: adds members with a password, checks logins, removes members. Password
// hashes need much time and memory by design. So they run on a separate lane, at most two at once,
// and never on the event loop.
[[nodiscard]] std::unique_ptr<service> make_members_service(const service_context& context);

} // namespace msd::services
