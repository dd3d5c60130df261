// SPDX-License-Identifier: Apache-2.0
#include "base/exception_text.hpp"

namespace msd {

std::string exception_text(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
        return known.what();
    } catch (...) {
        return "an exception of an unknown type";
    }
}

} // namespace msd
