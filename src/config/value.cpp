// SPDX-License-Identifier: Apache-2.0
#include "config/value.hpp"

namespace msd::config {

std::string_view value::type_name() const {
    if (const auto* const other = std::get_if<other_type>(&held_)) {
        return *other == other_type::fraction ? "a number with a fraction" : "a date or time";
    }
    constexpr std::string_view names[] =
        {"an integer", "true or false", "a string", "an array", "a table"};
    return names[held_.index()];
}

bool operator==(const value& a, const value& b) {
    return a.held_ == b.held_;
}

bool operator==(const member& a, const member& b) {
    return a.name == b.name && a.what == b.what;
}

value list_of(const std::vector<std::string>& texts) {
    return list{texts.begin(), texts.end()};
}

std::vector<std::string> texts_of(const value& texts) {
    std::vector<std::string> all;
    all.reserve(texts.items().size());
    for (const value& each : texts.items()) {
        all.push_back(each.text());
    }
    return all;
}

} // namespace msd::config
