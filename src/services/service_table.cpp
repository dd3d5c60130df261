// SPDX-License-Identifier: Apache-2.0
#include "services/events/events_service.hpp"
#include "services/goods/goods_service.hpp"
#include "services/logs/logs_service.hpp"
#include "services/members/members_service.hpp"
#include "services/purchases/purchases_service.hpp"
#include "services/service.hpp"
#include "services/stores/stores_service.hpp"

#include <algorithm>
#include <array>

namespace msd::services {

namespace {

// logs starts first, so that it stores the log lines of the other services' start.
const std::array<definition, 6> definitions{{
    {.name = "logs",
     .default_port = 9040,
     .summary = "stores the log lines of services in files",
     .ships_logs = false,
     .create = make_logs_service},
    {.name = "goods",
     .default_port = 9010,
     .summary = "products and their prices",
     .create = make_goods_service},
    {.name = "members",
     .default_port = 9020,
     .summary = "members and their passwords",
     .create = make_members_service},
    {.name = "purchases",
     .default_port = 9030,
     .summary = "what members bought, and for how much",
     .receives_changes = true,
     .create = make_purchases_service},
    {.name = "stores",
     .default_port = 9050,
     .summary = "places with a position, and which of them are near",
     .create = make_stores_service},
    {.name = "events",
     .default_port = 9060,
     .summary = "what happened, for the services that have to know",
     .create = make_events_service},
}};

} // namespace

std::span<const definition> all() {
    return definitions;
}

const definition* find(std::string_view name) {
    const auto found = std::ranges::find(definitions, name, &definition::name);
    return found == definitions.end() ? nullptr : &*found;
}

} // namespace msd::services
