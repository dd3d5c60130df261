// SPDX-License-Identifier: Apache-2.0
#include "net/quiet_thread.hpp"

#include "base/exception_text.hpp"
#include "base/log.hpp"

namespace msd::net {

void end_by_exception_of_thread(const std::exception_ptr& thrown) {
    log::error("a thread ended by an exception: {}", exception_text(thrown));
    std::terminate();
}

} // namespace msd::net
