// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Writes a state as JSON and reads it back by one description: a function `describe(io, state)`
// names each field once, with its limits, and is called with a writer or a reader, so the two
// cannot differ. The reader checks the limits; the writer expects values within them.
namespace msd::process {

constexpr int descriptor_min = 3; // below are the standard ones

class state_writer {
public:
    explicit state_writer(std::string& out) : out_{out} {}

    template <class Number>
    void number(std::string_view name, Number value, Number /*least*/, Number /*most*/) {
        out_.key(name);
        if constexpr (std::is_signed_v<Number>) {
            out_.integer(value);
        } else {
            out_.unsigned_integer(value);
        }
    }

    void flag(std::string_view name, bool value) { out_.key(name).boolean(value); }
    void text(std::string_view name, std::string_view value, std::size_t bytes_max);
    /// Any bytes, as hexadecimal digits.
    void bytes(std::string_view name, std::string_view value, std::size_t bytes_max);
    void moment(std::string_view name, time_point value);
    void moment(std::string_view name, const std::optional<time_point>& value);
    /// -1 is written as null.
    void descriptor(std::string_view name, int value, bool optional = false);
    void texts(std::string_view name, const std::vector<std::string>& values, std::size_t most);
    void descriptors(std::string_view name, const std::vector<int>& values, std::size_t most);
    void ports(std::string_view name, const std::map<std::string, std::uint16_t>& values);

    template <class Moments>
    void moments(std::string_view name, const Moments& values, std::size_t /*most*/) {
        out_.key(name).begin_array();
        for (const time_point each : values) {
            out_.integer(each.time_since_epoch().count());
        }
        out_.end_array();
    }

    template <class State>
    void object(std::string_view name, State& value) {
        out_.key(name);
        write(value);
    }

    template <class State>
    void object(std::string_view name, std::optional<State>& value) {
        out_.key(name);
        if (value) {
            write(*value);
        } else {
            out_.null();
        }
    }

    template <class State>
    void list(std::string_view name, std::vector<State>& values, std::size_t /*most*/) {
        out_.key(name).begin_array();
        for (State& each : values) {
            write(each);
        }
        out_.end_array();
    }

    template <class State>
    void write(State& value) {
        out_.begin_object();
        describe(*this, value);
        out_.end_object();
    }

private:
    json::writer out_;
};

// Reads one object. Reading ends at the first error; later fields are not set.
class state_reader {
public:
    /// `where` comes before names in wrong(): "pools.slots.".
    explicit state_reader(std::string where = {}) : where_{std::move(where)} {}

    /// `text` is one object with exactly the fields that describe() names.
    template <class State>
    void read(std::string_view text, State& into) {
        open(text);
        if (!failed()) {
            describe(*this, into);
            check_all_taken();
        }
    }

    [[nodiscard]] bool failed() const { return !wrong_.empty(); }
    /// The first error and its place; empty when there is none.
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

    template <class Number>
    void number(std::string_view name, Number& into, Number least, Number most) {
        const json::value* const value = take(name);
        if (value == nullptr) {
            return;
        }
        const auto read = [value] {
            if constexpr (std::is_signed_v<Number>) {
                return value->as_int64();
            } else {
                return value->as_uint64();
            }
        }();
        if (!read || *read < least || *read > most) {
            refuse(name);
            return;
        }
        into = static_cast<Number>(*read);
    }

    void flag(std::string_view name, bool& into);
    void text(std::string_view name, std::string& into, std::size_t bytes_max);
    void bytes(std::string_view name, std::string& into, std::size_t bytes_max);
    void moment(std::string_view name, time_point& into);
    void moment(std::string_view name, std::optional<time_point>& into);
    void descriptor(std::string_view name, int& into, bool optional = false);
    void texts(std::string_view name, std::vector<std::string>& into, std::size_t most);
    void descriptors(std::string_view name, std::vector<int>& into, std::size_t most);
    void ports(std::string_view name, std::map<std::string, std::uint16_t>& into);

    template <class Moments>
    void moments(std::string_view name, Moments& into, std::size_t most) {
        for (const json::value& each : elements(name, most)) {
            const auto count = each.as_int64();
            if (!count) {
                refuse(name);
                return;
            }
            into.push_back(time_point{clock::duration{*count}});
        }
    }

    template <class State>
    void object(std::string_view name, State& into) {
        if (const json::value* const value = take(name)) {
            inner(name, *value, into);
        }
    }

    template <class State>
    void object(std::string_view name, std::optional<State>& into) {
        const json::value* const value = take(name);
        if (value != nullptr && value->type != json::kind::null) {
            inner(name, *value, into.emplace());
        }
    }

    template <class State>
    void list(std::string_view name, std::vector<State>& into, std::size_t most) {
        for (const json::value& each : elements(name, most)) {
            inner(name, each, into.emplace_back());
        }
    }

private:
    template <class State>
    void inner(std::string_view name, const json::value& value, State& into) {
        if (failed()) {
            return;
        }
        state_reader reader{where_ + std::string{name} + "."};
        reader.read(value.text, into);
        wrong_ = std::move(reader.wrong_);
    }

    void open(std::string_view text);
    [[nodiscard]] const json::value* take(std::string_view name);
    [[nodiscard]] std::vector<json::value> elements(std::string_view name, std::size_t most);
    void refuse(std::string_view name);
    void check_all_taken();

    std::string where_;
    json::object fields_;
    std::size_t taken_ = 0;
    std::string wrong_;
};

} // namespace msd::process
