// SPDX-License-Identifier: Apache-2.0
#include "services/arguments.hpp"

#include "base/json_surrogates.hpp"
#include "base/printable.hpp"
#include "services/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace msd::services {

namespace {

using checked_text = result<std::string>;

checked_text check_text(const json::value& given, const parameter& wanted) {
    // The longest way to write a character is two \u escapes. Decoding a text of megabytes only to
    // count its characters would take too long.
    constexpr std::size_t longest_character = 12;
    if (given.text.size() / longest_character > wanted.length_max) {
        return fail(
            errc::invalid,
            fmt::format("must have at most {} characters", wanted.length_max)
        );
    }
    std::string text;
    if (json::lone_surrogate(given.text)) {
        return fail(errc::invalid, "contains half of a surrogate pair");
    }
    if (auto decoded = given.as_string()) {
        text = std::move(*decoded);
    } else if (given.type == json::kind::number || given.type == json::kind::boolean) {
        text = given.text;
    } else {
        return fail(errc::invalid, "must be a string");
    }
    const std::size_t length = json::code_points(text);
    if (length < wanted.length_min) {
        return fail(
            errc::invalid,
            wanted.length_min == 1
                ? "must not be empty"
                : fmt::format("must have at least {} characters", wanted.length_min)
        );
    }
    if (length > wanted.length_max) {
        return fail(
            errc::invalid,
            fmt::format("must have at most {} characters", wanted.length_max)
        );
    }
    if (wanted.allowed == characters::name && has_unprintable(text)) {
        return fail(
            errc::invalid,
            "must not contain control characters (such as line ends) or invisible format characters"
        );
    }
    return text;
}

result<std::int64_t> check_integer(const json::value& given, const parameter& wanted) {
    auto number = given.as_int64();
    if (const auto text = given.as_string()) {
        if (const auto token = json::parse(*text)) {
            number = token->as_int64();
        }
    }
    if (!number) {
        return fail(errc::invalid, "must be an integer");
    }
    if (*number < wanted.minimum) {
        return fail(errc::invalid, fmt::format("must be at least {}", wanted.minimum));
    }
    if (*number > wanted.maximum) {
        return fail(errc::invalid, fmt::format("must be at most {}", wanted.maximum));
    }
    return *number;
}

result<money> check_decimal(const json::value& given, const parameter& wanted) {
    const auto text = given.as_string();
    if (!text && given.type != json::kind::number) {
        return fail(errc::invalid, "must be a number");
    }
    auto amount = money::parse(text ? std::string_view{*text} : given.text);
    if (!amount) {
        return fail(errc::invalid, "must be a number from -9e14 to 9e14 with at most 4 decimals");
    }
    // Compared as whole numbers, because the bounds times 10,000 can be too large.
    const std::int64_t whole = amount->e4() / money::scale;
    const bool has_fraction = amount->e4() % money::scale != 0;
    if (whole < wanted.minimum || (whole == wanted.minimum && amount->e4() < 0 && has_fraction)) {
        return fail(errc::invalid, fmt::format("must be at least {}", wanted.minimum));
    }
    if (whole > wanted.maximum || (whole == wanted.maximum && amount->e4() > 0 && has_fraction)) {
        return fail(errc::invalid, fmt::format("must be at most {}", wanted.maximum));
    }
    return *amount;
}

result<double> check_real(const json::value& given, const parameter& wanted) {
    auto number = given.as_double();
    if (const auto text = given.as_string()) {
        if (const auto token = json::parse(*text)) {
            number = token->as_double();
        }
    }
    if (!number || !std::isfinite(*number)) {
        return fail(errc::invalid, "must be a number");
    }
    if (*number < static_cast<double>(wanted.minimum)) {
        return fail(errc::invalid, fmt::format("must be at least {}", wanted.minimum));
    }
    if (*number > static_cast<double>(wanted.maximum)) {
        return fail(errc::invalid, fmt::format("must be at most {}", wanted.maximum));
    }
    return *number;
}

// The length comes first, so that two different lists of values never give the same text.
void append_field(std::string& out, std::string_view field) {
    out += fmt::format("{}:", field.size());
    out += field;
}

std::string text_of(const std::string& text) {
    return text;
}
std::string text_of(std::int64_t number) {
    return fmt::format("{}", number);
}
std::string text_of(double number) {
    return fmt::format("{}", number);
}
std::string text_of(money amount) {
    return amount.text();
}

} // namespace

std::vector<arguments::problem>
arguments::check(const json::object* params, std::span<const parameter> schema, arguments& out) {
    out = arguments{};
    out.schema_ = schema;
    std::vector<problem> problems;
    for (const auto& wanted : schema) {
        const json::value* const given = params == nullptr ? nullptr : params->find(wanted.name);
        if (given == nullptr || given->type == json::kind::null) {
            if (wanted.required) {
                problems.push_back({std::string{wanted.name}, "is required"});
            }
            continue;
        }
        const auto keep = [&](auto checked) {
            if (checked) {
                out.values_.emplace(wanted.name, std::move(*checked));
            } else {
                problems.push_back({std::string{wanted.name}, std::move(checked.error().text)});
            }
        };
        switch (wanted.type) {
        case parameter_type::text:
            keep(check_text(*given, wanted));
            break;
        case parameter_type::integer:
            keep(check_integer(*given, wanted));
            break;
        case parameter_type::decimal:
            keep(check_decimal(*given, wanted));
            break;
        case parameter_type::real:
            keep(check_real(*given, wanted));
            break;
        }
    }
    if (!problems.empty()) {
        out.values_.clear();
    }
    return problems;
}

arguments arguments::unchecked(std::string raw) {
    arguments taken;
    taken.raw_ = std::move(raw);
    return taken;
}

bool arguments::has(std::string_view name) const {
    return values_.contains(name);
}

// The value of a parameter whose type the caller knows from the schema.
template <class T>
const T& arguments::held(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
        throw std::logic_error{fmt::format("no value for the parameter {}", name)};
    }
    const T* const wanted = std::get_if<T>(&found->second);
    if (wanted == nullptr) {
        throw std::logic_error{fmt::format("the parameter {} has a different type", name)};
    }
    return *wanted;
}

const std::string& arguments::text(std::string_view name) const {
    return held<std::string>(name);
}

std::int64_t arguments::integer(std::string_view name) const {
    return held<std::int64_t>(name);
}

money arguments::decimal(std::string_view name) const {
    return held<money>(name);
}

double arguments::real(std::string_view name) const {
    return held<double>(name);
}

std::int64_t arguments::integer_or(std::string_view name, std::int64_t otherwise) const {
    return has(name) ? integer(name) : otherwise;
}

const std::string& arguments::raw() const {
    return raw_;
}

std::string arguments::fingerprint() const {
    std::string all = raw_;
    for (const auto& [name, given] : values_) {
        const auto wanted = std::ranges::find(schema_, name, &parameter::name);
        if (wanted != schema_.end() && wanted->secret) {
            continue;
        }
        append_field(all, name);
        append_field(all, std::visit([](const auto& held) { return text_of(held); }, given));
    }
    return digest_of(all);
}

} // namespace msd::services
