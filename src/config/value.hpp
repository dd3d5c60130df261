// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// Values of a configuration file as a tree. Each value knows its line, so that a message about it
// can name the line. config/toml.hpp makes the tree from text, config/schema.hpp checks it.
namespace msd::config {

class value;
struct member;

using list = std::vector<value>;
using table = std::vector<member>; // in the order of the file

// A value of a TOML type that no key has.
enum class other_type : std::uint8_t { fraction, time };

class value {
public:
    // Not explicit: a key's value is given as the plain value that it contains.
    value() = default;
    value(std::int64_t number);
    template <std::same_as<bool> Truth> // a pointer is no truth value
    value(Truth truth);
    value(std::string text);
    value(list items);
    value(table members);
    value(other_type of);

    [[nodiscard]] bool is_integer() const { return holds<std::int64_t>(); }
    [[nodiscard]] bool is_truth() const { return holds<bool>(); }
    [[nodiscard]] bool is_text() const { return holds<std::string>(); }
    [[nodiscard]] bool is_list() const { return holds<list>(); }
    [[nodiscard]] bool is_table() const { return holds<table>(); }

    // The caller has checked the type.
    [[nodiscard]] std::int64_t integer() const { return std::get<std::int64_t>(held_); }
    [[nodiscard]] bool truth() const { return std::get<bool>(held_); }
    [[nodiscard]] const std::string& text() const { return std::get<std::string>(held_); }
    [[nodiscard]] const list& items() const { return std::get<list>(held_); }
    [[nodiscard]] const table& members() const { return std::get<table>(held_); }

    /// "an integer", "a string", "an array", …: for messages.
    [[nodiscard]] std::string_view type_name() const;

    /// Compares what the values contain, not their lines.
    friend bool operator==(const value& a, const value& b);

    std::size_t line = 0; // of the file; 0: the value is not from a file

private:
    template <class T>
    [[nodiscard]] bool holds() const {
        return std::holds_alternative<T>(held_);
    }

    std::variant<std::int64_t, bool, std::string, list, table, other_type> held_;
};

struct member {
    std::string name;
    std::size_t line = 0; // of the name
    value what;

    friend bool operator==(const member& a, const member& b);
};

// Here, because a table has to know what a member is.
inline value::value(std::int64_t number) : held_{number} {}
template <std::same_as<bool> Truth>
value::value(Truth truth) : held_{truth} {}
inline value::value(std::string text) : held_{std::move(text)} {}
inline value::value(list items) : held_{std::move(items)} {}
inline value::value(table members) : held_{std::move(members)} {}
inline value::value(other_type of) : held_{of} {}

/// Texts as a list.
[[nodiscard]] value list_of(const std::vector<std::string>& texts);
/// The texts of a list of texts.
[[nodiscard]] std::vector<std::string> texts_of(const value& texts);

} // namespace msd::config
