// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Keys that are an array of tables, [[gateway.routes]], or named tables, [upstream.NAME]: each
// table becomes an entry of a vector.
namespace msd::config {

/// Reports a problem of an entry: a key of it, or "" for the entry itself, and what is wrong.
using complaint = std::function<void(std::string_view key, std::string text)>;

// An E has the members `name`, which is that of a named table, and `source`, "FILE:LINE".
template <class E>
struct entry_rules {
    const schema<E>* keys = nullptr; // must outlive the rules
    /// Checks and completes an entry whose keys are without a problem.
    std::function<void(E&, const complaint&)> finish;
};

// The name of the table with the values that other named tables start from.
inline constexpr std::string_view default_entry = "default";

template <class E>
[[nodiscard]] bool is_same_entry(const schema<E>& keys, const E& a, const E& b) {
    return std::ranges::all_of(keys.keys(), [&a, &b](const key<E>& each) {
        return each.is_same(a, b);
    });
}

/// The line of the key "redirect.location", or that of the innermost table around it that exists.
[[nodiscard]] inline std::size_t line_of(const value& entry, std::string_view key) {
    const value* within = &entry;
    std::size_t line = entry.line;
    while (within->is_table() && !key.empty()) {
        const std::string_view name = key.substr(0, key.find('.'));
        const auto found = std::ranges::find(within->members(), name, &member::name);
        if (found == within->members().end()) {
            break;
        }
        line = found->line;
        within = &found->what;
        key.remove_prefix(std::min(name.size() + 1, key.size()));
    }
    return line;
}

/// Reads one table into `made`. False when it has a problem.
template <class E>
bool read_entry(
    E& made,
    const entry_rules<E>& rules,
    const value& from,
    const place& at,
    problems& wrong
) {
    const std::size_t before = wrong.size();
    made.source = fmt::format("{}:{}", at.file, from.line);
    rules.keys->read(made, from.members(), at, wrong);
    if (wrong.size() == before && rules.finish) {
        rules.finish(made, [&](std::string_view name, std::string text) {
            std::string full = at.prefix + std::string{name};
            if (full.ends_with('.')) {
                full.pop_back();
            }
            wrong.add(line_of(from, name), std::move(full), std::move(text));
        });
    }
    return wrong.size() == before;
}

namespace detail {

template <class E>
void read_tables(
    std::vector<E>& into,
    const entry_rules<E>& rules,
    const list& from,
    const place& at,
    problems& wrong
) {
    into.clear();
    into.reserve(from.size());
    for (const value& each : from) {
        if (!each.is_table()) {
            wrong.add(
                each.line,
                at.prefix.substr(0, at.prefix.size() - 1),
                fmt::format("expected a table, got {}", each.type_name())
            );
            continue;
        }
        E made;
        if (read_entry(made, rules, each, at, wrong)) {
            into.push_back(std::move(made));
        }
    }
}

template <class E>
void read_named(
    std::vector<E>& into,
    const entry_rules<E>& rules,
    const table& from,
    const place& at,
    problems& wrong
) {
    into.clear();
    const auto read = [&](E made, const member& each) {
        const place inner{at.file, fmt::format("{}{}.", at.prefix, each.name)};
        made.name = each.name;
        if (read_entry(made, rules, each.what, inner, wrong)) {
            into.push_back(std::move(made));
        }
    };
    E standard;
    for (const member& each : from) {
        if (each.name == default_entry) {
            read(E{}, each);
            standard = into.empty() ? E{} : into.front();
        }
    }
    for (const member& each : from) {
        if (each.name != default_entry) {
            read(standard, each);
        }
    }
}

} // namespace detail

/// Completes `row`, whose description is set and says tables or named. `field` returns the vector
/// of entries of a T.
template <class T, class E, class Field>
void make_entries_key(key<T>& row, entry_rules<E> rules, const Field& field) {
    const bool is_named = row.of == kind::named;
    const std::size_t most = row.entries_max;
    row.read = [rules,
                field,
                is_named,
                most](T& into, const value& from, const place& at, problems& wrong) {
        const std::size_t count = is_named ? from.members().size() : from.items().size();
        if (count > most) {
            wrong.add(
                from.line,
                at.prefix.substr(0, at.prefix.size() - 1),
                fmt::format("has {} entries, at most {} are allowed", count, most)
            );
            return;
        }
        if (is_named) {
            detail::read_named(field(into), rules, from.members(), at, wrong);
        } else {
            detail::read_tables(field(into), rules, from.items(), at, wrong);
        }
    };
    row.document_entries = [rules] {
        return rules.keys->document(E{});
    };
    row.copy_entries = [field](T& into, const T& from) {
        field(into) = field(from);
    };
    row.has_same_entries = [rules, field](const T& a, const T& b) {
        const auto& left = field(a);
        const auto& right = field(b);
        return std::ranges::equal(left, right, [&rules](const E& one, const E& other) {
            return one.name == other.name && one.source == other.source &&
                   is_same_entry(*rules.keys, one, other);
        });
    };
}

} // namespace msd::config
