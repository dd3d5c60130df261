// SPDX-License-Identifier: Apache-2.0
#include "store/stored_services.hpp"

#include "store/stored_entities.hpp"

namespace msd::store {

std::span<const std::string_view> stored_services() {
    return stored_entities::services;
}

bool may_be_missing(std::string_view service) {
    const auto is_alone = stored_entities::with<result<bool>>(service, []<class Stored>() {
        return Stored::is_alone;
    });
    return is_alone.value_or(false);
}

} // namespace msd::store
