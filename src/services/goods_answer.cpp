// SPDX-License-Identifier: Apache-2.0
#include "services/goods_answer.hpp"

#include "base/json.hpp"

#include <utility>

namespace msd::services {

namespace {

// Foreign nodes may write numbers as strings.
std::string number_text(const json::value* field) {
    if (field == nullptr) {
        return {};
    }
    return field->as_string().value_or(std::string{field->text});
}

bool is_row_of(const json::object& row, std::int64_t id) {
    const json::value* const found = row.find("id");
    return found != nullptr &&
           (found->as_int64() == id || number_text(found) == std::to_string(id));
}

goods_answer answer_of(const json::object& row) {
    goods_answer found;
    found.known = true;
    if (const auto price = money::parse(number_text(row.find("price")))) {
        found.price = *price;
    }
    return found;
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
    json::object row;
    for (const auto& element : *rows) {
        const bool is_object = element.type == json::kind::object;
        if (is_object && row.parse(element.text) && is_row_of(row, id)) {
            goods_answer found = answer_of(row);
            found.row = element.text;
            return found;
        }
    }
    return goods_answer{};
}

result<goods_answer> read_goods(std::string row, std::int64_t id) {
    json::object fields;
    if (const auto parsed = fields.parse(row); !parsed) {
        return tl::unexpected{parsed.error()};
    }
    if (!is_row_of(fields, id)) {
        return fail(errc::malformed, "the row belongs to another product");
    }
    goods_answer found = answer_of(fields);
    found.row = std::move(row);
    return found;
}

} // namespace msd::services
