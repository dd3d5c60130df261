// SPDX-License-Identifier: Apache-2.0
#include "config/problems.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <system_error>

namespace msd::config {

void problems::add_located(std::string_view file, std::string_view text) {
    std::size_t line = 0;
    if (text.starts_with(file)) {
        const char* const end = text.data() + text.size();
        const char* const begin = text.data() + std::min(file.size() + 1, text.size());
        const auto [stopped, reason] = std::from_chars(begin, end, line);
        if (reason == std::errc{}) {
            text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
            text.remove_prefix(std::min(text.find_first_not_of(": "), text.size()));
        }
    }
    add(line, {}, std::string{text});
}

bool problems::has(std::string_view key) const {
    return std::ranges::any_of(all_, [key](const problem& each) { return each.key == key; });
}

bool problems::has_key_in(std::string_view text) const {
    return std::ranges::any_of(all_, [text](const problem& each) {
        return !each.key.empty() && text.find(each.key) != std::string_view::npos;
    });
}

std::string problems::report(std::string_view file, std::size_t most) const {
    std::vector<const problem*> in_order;
    in_order.reserve(all_.size());
    for (const problem& each : all_) {
        in_order.push_back(&each);
    }
    std::ranges::stable_sort(in_order, {}, [](const problem* each) { return each->line; });
    std::string text;
    for (std::size_t i = 0; i < in_order.size() && i < most; ++i) {
        const problem& each = *in_order[i];
        text += i == 0 ? "" : "\n";
        text += file;
        if (each.line != 0) {
            fmt::format_to(std::back_inserter(text), ":{}", each.line);
        }
        text += ": ";
        if (!each.key.empty()) {
            text += printable(each.key) + ": ";
        }
        text += printable(each.text);
    }
    if (all_.size() > most) {
        fmt::format_to(std::back_inserter(text), "\n{}: and {} more", file, all_.size() - most);
    }
    return text;
}

} // namespace msd::config
