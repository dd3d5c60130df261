// SPDX-License-Identifier: Apache-2.0
#include "store/stored_services.hpp"

#include "store/stored_entities.hpp"

namespace msd::store {

std::span<const std::string_view> stored_services() {
    return stored_entities::services;
}

} // namespace msd::store
