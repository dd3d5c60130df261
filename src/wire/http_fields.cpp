// SPDX-License-Identifier: Apache-2.0
#include "wire/http_fields.hpp"

#include "wire/http_line.hpp"

#include <algorithm>

namespace msd::wire {

void http_fields::add(std::string_view name, std::string_view value) {
    list_.push_back({std::string{name}, std::string{value}});
}

void http_fields::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

std::size_t http_fields::remove(std::string_view name) {
    return std::erase_if(list_, [name](const http_header& each) {
        return same_text(each.name, name);
    });
}

const std::string* http_fields::find(std::string_view name) const {
    const auto found = std::ranges::find_if(list_, [name](const http_header& each) {
        return same_text(each.name, name);
    });
    return found == list_.end() ? nullptr : &found->value;
}

std::size_t http_fields::count(std::string_view name) const {
    const auto found = std::ranges::count_if(list_, [name](const http_header& each) {
        return same_text(each.name, name);
    });
    return static_cast<std::size_t>(found);
}

} // namespace msd::wire
