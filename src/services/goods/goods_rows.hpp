// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "services/events/cloud_event.hpp"
#include "services/service.hpp"
#include "store/goods_repository.hpp"

// Products as JSON, and what requests and events say about them.
namespace msd::services {

void write_goods(json::writer& out, const store::goods_view& row);
/// The same with the number of sold pieces.
void write_sold_goods(json::writer& out, const store::goods_view& row);
/// With one product as `results`.
[[nodiscard]] reply goods_reply(const store::goods_row& row);

[[nodiscard]] store::goods_fields goods_fields_of(const arguments& args);

/// What an event `purchased` means to goods.
[[nodiscard]] or_problem<store::goods_sale> read_sale_of_goods(const store::event_fields& event);

} // namespace msd::services
