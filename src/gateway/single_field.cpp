// SPDX-License-Identifier: Apache-2.0
#include "gateway/single_field.hpp"

#include "wire/http_line.hpp"

#include <algorithm>

namespace msd::gateway {

single_field find_single(const wire::http_request& request, std::string_view name) {
    const auto has_name = [name](const wire::http_header& header) {
        return wire::same_text(header.name, name);
    };
    const auto& headers = request.headers;
    const auto given = std::find_if(headers.begin(), headers.end(), has_name);
    if (given == headers.end()) {
        return {};
    }
    return {&given->value, std::any_of(given + 1, headers.end(), has_name)};
}

} // namespace msd::gateway
