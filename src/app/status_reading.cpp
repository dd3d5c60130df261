// SPDX-License-Identifier: Apache-2.0
#include "app/status_reading.hpp"

#include "base/result.hpp"

namespace msd::app {

std::string text_of(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    return value == nullptr ? "" : value->as_string().value_or("");
}

std::int64_t number_of(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    return value == nullptr ? 0 : value->as_int64().value_or(0);
}

json::object object_of(const json::object& from, std::string_view name) {
    json::object inner;
    if (const json::value* const value = from.find(name)) {
        static_cast<void>(inner.parse(value->text));
    }
    return inner;
}

std::vector<json::value> elements_of(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    const auto read =
        value == nullptr ? result<std::vector<json::value>>{} : json::elements(value->text);
    return read.value_or(std::vector<json::value>{});
}

} // namespace msd::app
