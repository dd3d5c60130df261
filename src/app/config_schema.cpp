// SPDX-License-Identifier: Apache-2.0
#include "app/config_schema.hpp"

#include "app/config_table.hpp"
#include "app/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace msd::app {

namespace {

tl::unexpected<error> invalid(std::string text) {
    return fail(errc::invalid, std::move(text));
}

result<void> check_integer(const config_key& key, std::int64_t number) {
    if (number < key.least || number > key.most) {
        return invalid(fmt::format("{} is not between {} and {}", number, key.least, key.most));
    }
    return {};
}

result<void> check_text(const config_key& key, const std::string& text) {
    if (!key.choices.empty()) {
        if (std::find(key.choices.begin(), key.choices.end(), text) == key.choices.end()) {
            return invalid(
                fmt::format("\"{}\" is not one of {}", text, fmt::join(key.choices, ", "))
            );
        }
        return {};
    }
    const auto size = static_cast<std::int64_t>(text.size());
    if (size < key.least) {
        return invalid("must not be empty");
    }
    if (size > key.most) {
        return invalid(fmt::format("has {} bytes, at most {} are allowed", size, key.most));
    }
    const auto is_control = [](unsigned char c) {
        return c < 0x20 || c == 0x7f;
    };
    if (std::any_of(text.begin(), text.end(), is_control)) {
        return invalid("contains a control character");
    }
    return {};
}

result<config_value> read_as(const config_value& like, std::string_view text) {
    if (std::holds_alternative<std::string>(like)) {
        return std::string{text};
    }
    if (std::holds_alternative<bool>(like)) {
        if (text == "true" || text == "false") {
            return text == "true";
        }
        return invalid(fmt::format("\"{}\" is neither true nor false", text));
    }
    std::int64_t number = 0;
    const auto [stopped, reason] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (reason != std::errc{} || stopped != text.data() + text.size()) {
        return invalid(fmt::format("\"{}\" is not an integer", text));
    }
    return number;
}

} // namespace

std::string_view kind_of(const config_value& value) {
    constexpr std::string_view names[] = {"an integer", "true or false", "a string"};
    return names[value.index()];
}

config_schema::config_schema(std::span<const role_facts> roles)
    : roles_{roles},
      keys_{make_config_table(roles)} {}

const config_key* config_schema::find(std::string_view name) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(), [name](const config_key& each) {
        return each.name == name;
    });
    return found == keys_.end() ? nullptr : &*found;
}

bool config_schema::is_section(std::string_view name) const {
    return std::any_of(keys_.begin(), keys_.end(), [name](const config_key& each) {
        return each.name.size() > name.size() && each.name.starts_with(name) &&
               each.name[name.size()] == '.';
    });
}

std::string config_schema::suggestion(std::string_view name) const {
    std::set<std::string_view> sections;
    std::vector<std::string_view> candidates;
    for (const config_key& each : keys_) {
        candidates.emplace_back(each.name);
        for (auto dot = each.name.find('.'); dot != std::string::npos;
             dot = each.name.find('.', dot + 1)) {
            sections.insert(std::string_view{each.name}.substr(0, dot));
        }
    }
    candidates.insert(candidates.end(), sections.begin(), sections.end());
    return std::string{closest(name, candidates)};
}

configuration config_schema::defaults() const {
    configuration made;
    for (const role_facts& role : roles_) {
        made.roles[std::string{role.name}] = {role.default_port, 0};
    }
    return made;
}

result<void>
config_schema::set(configuration& into, const config_key& key, const config_value& value) {
    const config_value present = key.get(into);
    if (present.index() != value.index()) {
        return invalid(fmt::format("expected {}, got {}", kind_of(present), kind_of(value)));
    }
    result<void> checked;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        checked = check_integer(key, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        checked = check_text(key, *text);
    }
    return checked ? key.put(into, value) : checked;
}

result<void>
config_schema::set_text(configuration& into, const config_key& key, std::string_view text) {
    const auto value = read_as(key.get(into), text);
    if (!value) {
        return tl::unexpected{value.error()};
    }
    return set(into, key, *value);
}

} // namespace msd::app
