// SPDX-License-Identifier: Apache-2.0
#include "services/events/purchased_event.hpp"

#include <string>
#include <utility>

namespace msd::services {

namespace {

tl::unexpected<arguments::problem> wrong_member(std::string_view name, std::string text) {
    return tl::unexpected{arguments::problem{"data." + std::string{name}, std::move(text)}};
}

} // namespace

or_problem<purchased_event> read_purchased(const store::event_fields& event) {
    json::object members;
    if (!members.parse(event.data)) {
        return tl::unexpected{arguments::problem{"data", "must be a JSON object"}};
    }
    purchased_event made;
    for (const auto& [name, into] :
         {std::pair{"id", &made.id},
          std::pair{"userid", &made.userid},
          std::pair{"goodsid", &made.goodsid},
          std::pair{"quantity", &made.quantity},
          std::pair{"date_ms", &made.date_ms}}) {
        const json::value* const given = members.find(name);
        const auto number = given == nullptr ? std::nullopt : given->as_int64();
        if (!number) {
            return wrong_member(name, "must be an integer");
        }
        *into = *number;
    }
    const json::value* const price = members.find("price");
    if (price != nullptr && price->type != json::kind::null) {
        const auto exact = money::parse(price->text);
        if (price->type != json::kind::number || !exact) {
            return wrong_member("price", "must be a number with at most four decimals, or null");
        }
        made.price = *exact;
    }
    return made;
}

} // namespace msd::services
