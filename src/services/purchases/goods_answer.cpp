// SPDX-License-Identifier: Apache-2.0
#include "services/purchases/goods_answer.hpp"

#include "base/json.hpp"

#include <string>

namespace msd::services {

namespace {

// Foreign nodes may write numbers as strings.
std::string number_text(const json::value* field) {
    if (field == nullptr) {
        return {};
    }
    return field->as_string().value_or(std::string{field->text});
}

std::optional<money> price_of(const json::object& row) {
    const auto price = money::parse(number_text(row.find("price")));
    return price ? std::optional{*price} : std::nullopt;
}

} // namespace

result<goods_answer> find_goods(std::string_view reply, std::int64_t id) {
    json::object envelope;
    if (const auto parsed = envelope.parse(reply); !parsed) {
        return tl::unexpected{parsed.error()};
    }
    const auto* const results = envelope.find("results");
    if (results == nullptr || results->type != json::kind::array) {
        return goods_answer{};
    }
    const auto rows = json::elements(results->text);
    if (!rows) {
        return tl::unexpected{rows.error()};
    }
    const std::string wanted = std::to_string(id);
    json::object row;
    for (const auto& element : *rows) {
        if (element.type != json::kind::object || !row.parse(element.text)) {
            continue;
        }
        const auto* const found = row.find("id");
        if (found != nullptr && (found->as_int64() == id || number_text(found) == wanted)) {
            return goods_answer{.known = true, .price = price_of(row)};
        }
    }
    return goods_answer{};
}

} // namespace msd::services
