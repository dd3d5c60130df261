// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_request_parser.hpp"

#include <string_view>

namespace msd::gateway {

// A field that a request may have once only.
struct single_field {
    const std::string_view* value = nullptr; // of the first field with the name; null without one
    bool is_repeated = false;
};

[[nodiscard]] single_field find_single(const wire::http_request& request, std::string_view name);

} // namespace msd::gateway
