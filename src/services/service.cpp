// SPDX-License-Identifier: Apache-2.0
#include "services/service.hpp"

#include <utility>

namespace msd::services {

reply success(std::string members, int status) {
    return {.status = status, .members = std::move(members)};
}

reply failure(int status, std::string errormessage, std::string members) {
    return {
        .status = status,
        .errorcode = 1,
        .errormessage = std::move(errormessage),
        .members = std::move(members)};
}

reply invalid_parameters(std::span<const arguments::problem> problems) {
    std::string members;
    json::writer out{members};
    out.key("errors").begin_array();
    for (const auto& [field, text] : problems) {
        out.begin_object().key("field").string(field).key("problem").string(text).end_object();
    }
    out.end_array();
    return failure(422, "Invalid Parameters", std::move(members));
}

} // namespace msd::services
