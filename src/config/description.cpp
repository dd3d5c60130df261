// SPDX-License-Identifier: Apache-2.0
#include "config/description.hpp"

#include "config/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace msd::config {

namespace {

tl::unexpected<error> invalid(std::string text) {
    return fail(errc::invalid, std::move(text));
}

bool has_type(kind of, const value& what) {
    switch (of) {
    case kind::integer:
        return what.is_integer();
    case kind::truth:
        return what.is_truth();
    case kind::text:
        return what.is_text();
    case kind::texts:
    case kind::tables:
        return what.is_list();
    case kind::weights:
    case kind::named:
        return what.is_table();
    case kind::text_or_table:
        return what.is_text() || what.is_table();
    }
    return false;
}

result<void> check_integer(const description& key, std::int64_t number) {
    if (number < key.least || number > key.most) {
        return invalid(fmt::format("{} is not between {} and {}", number, key.least, key.most));
    }
    return {};
}

result<void> check_choice(const description& key, const std::string& text) {
    if (std::ranges::find(key.choices, text) != key.choices.end()) {
        return {};
    }
    const std::string_view meant = closest(text, key.choices);
    return invalid(fmt::format(
        "\"{}\" is not one of {}{}",
        text,
        fmt::join(key.choices, ", "),
        meant.empty() ? "" : fmt::format("; did you mean {}?", meant)
    ));
}

result<void> check_text(const description& key, const std::string& text) {
    if (!key.choices.empty()) {
        return check_choice(key, text);
    }
    const auto size = static_cast<std::int64_t>(text.size());
    if (size < key.least) {
        return invalid("must not be empty");
    }
    if (size > key.most) {
        return invalid(fmt::format("has {} bytes, at most {} are allowed", size, key.most));
    }
    const auto is_refused = [&key](unsigned char c) {
        const bool is_control = c < 0x20 || c == 0x7f;
        const bool is_space = c == '\n' || c == '\t' || c == '\r';
        return is_control && !(key.has_lines && is_space);
    };
    if (std::ranges::any_of(text, is_refused)) {
        return invalid("contains a control character");
    }
    return {};
}

result<void> check_count(const description& key, std::size_t count) {
    if (count > key.entries_max) {
        return invalid(fmt::format("has {} entries, at most {} are allowed", count, key.entries_max)
        );
    }
    return {};
}

result<void> check_texts(const description& key, const list& texts) {
    if (auto counted = check_count(key, texts.size()); !counted) {
        return counted;
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!texts[i].is_text()) {
            return invalid(
                fmt::format("entry {}: expected a string, got {}", i + 1, texts[i].type_name())
            );
        }
        if (auto checked = check_text(key, texts[i].text()); !checked) {
            return invalid(fmt::format("entry {}: {}", i + 1, checked.error().text));
        }
    }
    return {};
}

result<void> check_weights(const description& key, const table& weights) {
    if (auto counted = check_count(key, weights.size()); !counted) {
        return counted;
    }
    for (const member& each : weights) {
        if (!each.what.is_integer()) {
            return invalid(
                fmt::format("{}: expected an integer, got {}", each.name, each.what.type_name())
            );
        }
        if (auto checked = check_integer(key, each.what.integer()); !checked) {
            return invalid(fmt::format("{}: {}", each.name, checked.error().text));
        }
    }
    return {};
}

value split(std::string_view text) {
    constexpr std::string_view space = " \t";
    list made;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view entry = text.substr(0, comma);
        entry.remove_prefix(std::min(entry.find_first_not_of(space), entry.size()));
        entry.remove_suffix(entry.size() - (entry.find_last_not_of(space) + 1));
        made.emplace_back(std::string{entry});
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return made;
}

} // namespace

std::string_view expected_by(const description& key) {
    switch (key.of) {
    case kind::integer:
        return "an integer";
    case kind::truth:
        return "true or false";
    case kind::text:
        return "a string";
    case kind::texts:
        return "an array of strings";
    case kind::weights:
        return "a table of names with integers";
    case kind::text_or_table:
        return "a string or a table";
    case kind::tables:
        return "tables";
    case kind::named:
        return "named tables";
    }
    return {};
}

result<void> check(const description& key, const value& what) {
    if (!has_type(key.of, what)) {
        return invalid(fmt::format("expected {}, got {}", expected_by(key), what.type_name()));
    }
    switch (key.of) {
    case kind::integer:
        return check_integer(key, what.integer());
    case kind::text:
        return check_text(key, what.text());
    case kind::texts:
        return check_texts(key, what.items());
    case kind::weights:
        return check_weights(key, what.members());
    case kind::text_or_table:
        return what.is_text() ? check_text(key, what.text())
                              : check_count(key, what.members().size());
    case kind::truth:
    case kind::tables: // the entries are checked by their own schema
    case kind::named:
        return {};
    }
    return {};
}

result<value> parse_text(const description& key, std::string_view text) {
    switch (key.of) {
    case kind::text:
    case kind::text_or_table:
        return std::string{text};
    case kind::texts:
        return split(text);
    case kind::truth:
        if (text == "true" || text == "false") {
            return text == "true";
        }
        return invalid(fmt::format("\"{}\" is neither true nor false", text));
    case kind::integer: {
        std::int64_t number = 0;
        const char* const end = text.data() + text.size();
        const auto [stopped, reason] = std::from_chars(text.data(), end, number);
        if (reason != std::errc{} || stopped != end) {
            return invalid(fmt::format("\"{}\" is not an integer", text));
        }
        return number;
    }
    case kind::weights:
    case kind::tables:
    case kind::named:
        return invalid("can be set only in a configuration file");
    }
    return invalid("can be set only in a configuration file");
}

std::string mask(const description& key, const value& what, std::string message) {
    if (!key.secret || !what.is_text() || what.text().empty()) {
        return message;
    }
    constexpr std::string_view stars = "***";
    for (std::size_t at = message.find(what.text()); at != std::string::npos;
         at = message.find(what.text(), at + stars.size())) {
        message.replace(at, what.text().size(), stars);
    }
    return message;
}

bool is_in_section(std::string_view name, std::string_view section) {
    return name.size() > section.size() && name.starts_with(section) && name[section.size()] == '.';
}

std::string suggest(std::string_view name, const std::vector<std::string_view>& names) {
    std::set<std::string_view> sections;
    std::vector<std::string_view> candidates;
    for (const std::string_view each : names) {
        if (!each.ends_with(".*")) {
            candidates.push_back(each);
        }
        for (auto dot = each.find('.'); dot != std::string::npos; dot = each.find('.', dot + 1)) {
            if (const auto section = each.substr(0, dot); !is_in_section(name, section)) {
                sections.insert(section);
            }
        }
    }
    candidates.insert(candidates.end(), sections.begin(), sections.end());
    return std::string{closest(name, candidates)};
}

} // namespace msd::config
