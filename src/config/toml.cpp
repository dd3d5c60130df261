// SPDX-License-Identifier: Apache-2.0
#include "config/toml.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <toml++/toml.h>
#include <tuple>
#include <utility>

namespace msd::config {

namespace {

value from_node(toml::node& node);

std::tuple<std::uint32_t, std::uint32_t> place_of(const toml::key& name) {
    return {name.source().begin.line, name.source().begin.column};
}

table from_table(toml::table& from) {
    std::vector<std::pair<const toml::key*, toml::node*>> in_order; // toml++ sorts by name
    in_order.reserve(from.size());
    for (auto&& [name, node] : from) {
        in_order.emplace_back(&name, &node);
    }
    std::ranges::stable_sort(in_order, {}, [](const auto& each) { return place_of(*each.first); });
    table made;
    made.reserve(in_order.size());
    for (const auto& [name, node] : in_order) {
        made.push_back({std::string{name->str()}, name->source().begin.line, from_node(*node)});
    }
    return made;
}

list from_array(toml::array& from) {
    list made;
    made.reserve(from.size());
    for (toml::node& each : from) {
        made.push_back(from_node(each));
    }
    return made;
}

value without_line(toml::node& node) {
    if (auto* const text = node.as_string()) {
        return std::move(text->get());
    }
    if (const auto* const number = node.as_integer()) {
        return std::int64_t{number->get()};
    }
    if (const auto* const truth = node.as_boolean()) {
        return truth->get();
    }
    if (auto* const items = node.as_array()) {
        return from_array(*items);
    }
    if (auto* const members = node.as_table()) {
        return from_table(*members);
    }
    return node.is_floating_point() ? other_type::fraction : other_type::time;
}

// toml++ refuses texts that are nested deeper than TOML_MAX_NESTED_VALUES.
value from_node(toml::node& node) {
    value made = without_line(node);
    made.line = node.source().begin.line;
    return made;
}

// Makes a line empty. False when it is empty already or does not exist.
bool blank_line(std::string& text, std::size_t line) {
    std::size_t begin = 0;
    for (std::size_t at = 1; at < line; ++at) {
        begin = text.find('\n', begin);
        if (begin == std::string::npos) {
            return false;
        }
        ++begin;
    }
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const bool had_text = end > begin;
    text.erase(begin, end - begin);
    return had_text;
}

} // namespace

table parse_toml(std::string_view text, problems& wrong) {
    std::string rest{text};
    std::optional<std::size_t> last; // line of the last mistake
    for (std::size_t mistakes = 0; mistakes < syntax_problems_max; ++mistakes) {
        try {
            toml::table root = toml::parse(rest);
            return from_table(root);
        } catch (const toml::parse_error& broken) {
            const std::size_t line = broken.source().begin.line;
            if (last && line <= *last + 1) {
                return {};
            }
            wrong.add(line, {}, std::string{broken.description()});
            if (line == 0 || !blank_line(rest, line)) {
                return {};
            }
            last = line;
        }
    }
    return {};
}

} // namespace msd::config
