// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "config/description.hpp"
#include "config/problems.hpp"
#include "config/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The keys of a table, and how its values become the members of a T: the whole configuration, or
// one entry of an array of tables or of named tables. File, environment and command line set values
// through it, so that type, bounds and meaning of a key are defined once.
namespace msd::config {

// Where a table stands, for messages.
struct place {
    std::string_view file;
    std::string prefix; // of its keys: "", "gateway.routes.", "upstream.api."
};

// A key with its default, for documents.
struct documented {
    description key;
    value standard;
    std::vector<documented> of_entries; // tables, named
};

template <class T>
struct key : description {
    // The value has the key's type and is within its bounds. errc::invalid: it is wrong otherwise.
    std::function<result<void>(T&, const value&)> put;
    std::function<value(const T&)> get;
    // Tables and named tables only, which have no `put`: reports the problems of all entries.
    std::function<void(T&, const value&, const place&, problems&)> read;
    std::function<std::vector<documented>()> document_entries;
    std::function<bool(const T&, const T&)> has_same_entries;
    std::function<void(T&, const T&)> copy_entries;

    /// Whether the key has the same value in both.
    [[nodiscard]] bool is_same(const T& a, const T& b) const {
        return has_same_entries ? has_same_entries(a, b) : get(a) == get(b);
    }

    /// Gives `into` the value that `from` has.
    [[nodiscard]] result<void> copy(T& into, const T& from) const {
        if (copy_entries) {
            copy_entries(into, from);
            return {};
        }
        return put(into, get(from));
    }
};

/// errc::invalid says what is wrong with the value; the caller adds the name of the key.
template <class T>
[[nodiscard]] result<void> set(T& into, const key<T>& which, const value& what) {
    result<void> done = check(which, what);
    if (done) {
        done = which.put(into, what);
    }
    if (!done) {
        done.error().text = mask(which, what, std::move(done.error().text));
    }
    return done;
}

/// The same for text from an environment variable or a flag.
template <class T>
[[nodiscard]] result<void> set_text(T& into, const key<T>& which, std::string_view text) {
    const auto what = parse_text(which, text);
    return what ? set(into, which, *what) : tl::unexpected{what.error()};
}

template <class T>
class schema {
public:
    explicit schema(std::vector<key<T>> keys) : keys_{std::move(keys)} {}

    [[nodiscard]] std::span<const key<T>> keys() const { return keys_; }

    /// Null when there is no key of that name.
    [[nodiscard]] const key<T>* find(std::string_view name) const {
        const auto found = std::ranges::find(keys_, name, &key<T>::name);
        return found == keys_.end() ? nullptr : &*found;
    }

    /// True for a prefix of keys: "gateway", "services", "services.goods".
    [[nodiscard]] bool is_section(std::string_view name) const {
        return std::ranges::any_of(keys_, [name](const key<T>& each) {
            return is_in_section(each.name, name);
        });
    }

    /// The key or section most similar to `name`; empty when none is similar.
    [[nodiscard]] std::string suggestion(std::string_view name) const {
        std::vector<std::string_view> names;
        names.reserve(keys_.size());
        for (const key<T>& each : keys_) {
            names.push_back(each.name);
        }
        return suggest(name, names);
    }

    /// Sets the values of `from`, and adds what is wrong with them. Values without a problem are
    /// set even if others have one.
    void read(T& into, const table& from, const place& at, problems& wrong) const {
        read_section(into, from, {}, {at, wrong});
    }

    [[nodiscard]] std::vector<documented> document(const T& defaults) const {
        std::vector<documented> all;
        for (const key<T>& each : keys_) {
            const description& described = each;
            documented& made = all.emplace_back(documented{described, {}, {}});
            if (each.document_entries) {
                made.of_entries = each.document_entries();
            } else {
                made.standard = each.get(defaults);
            }
        }
        return all;
    }

private:
    struct context {
        const place& at;
        problems& wrong;
    };

    void read_section(
        T& into,
        const table& from,
        const std::string& section, // with a dot at its end, or empty
        const context& in
    ) const {
        const key<T>* const named = find(section + "*");
        table others; // members that are no keys: named tables
        for (const member& each : from) {
            const std::string name = section + each.name;
            const key<T>* const known = find(name);
            if (known != nullptr && known->of != kind::named) {
                set_member(into, *known, each, in);
            } else if (each.what.is_table() && is_section(name)) {
                read_section(into, each.what.members(), name + ".", in);
            } else if (named != nullptr && each.what.is_table()) {
                others.push_back(each);
            } else {
                refuse_unknown(name, each.line, in);
            }
        }
        if (!others.empty()) {
            value found{std::move(others)};
            found.line = found.members().front().line;
            named->read(into, found, {in.at.file, in.at.prefix + section}, in.wrong);
        }
    }

    void set_member(T& into, const key<T>& known, const member& from, const context& in) const {
        const std::string name = in.at.prefix + known.name;
        if (known.read) {
            const auto checked = check(known, from.what);
            if (checked) {
                known.read(into, from.what, {in.at.file, name + "."}, in.wrong);
            } else {
                in.wrong.add(
                    from.line,
                    name,
                    fmt::format("{}; write [[{}]]", checked.error().text, name)
                );
            }
            return;
        }
        if (const auto done = set(into, known, from.what); !done) {
            in.wrong.add(from.line, name, done.error().text);
        }
    }

    void refuse_unknown(const std::string& name, std::size_t line, const context& in) const {
        if (is_section(name)) {
            in.wrong.add(
                line,
                in.at.prefix + name,
                in.at.prefix.empty() ? fmt::format("is a section, write [{}]", name)
                                     : "is a table, write { … }"
            );
            return;
        }
        const std::string meant = suggestion(name);
        in.wrong.add(
            line,
            in.at.prefix + name,
            meant.empty() ? "unknown key"
                          : fmt::format("unknown key; did you mean {}{}?", in.at.prefix, meant)
        );
    }

    std::vector<key<T>> keys_;
};

} // namespace msd::config
