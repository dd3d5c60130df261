// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/money.hpp"
#include "services/parameter.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace msd::services {

// The parameters of one request after the check against its route's schema: typed, complete,
// within bounds. Owns its values, so it may outlive the received frame.
class arguments {
public:
    struct problem {
        std::string field;
        std::string text; // "is required", "must be an integer", …
    };

    /// Checks `params` against `schema`; unknown ones are ignored. Problems come in schema order;
    /// then the arguments contain no values.
    [[nodiscard]] static std::vector<problem>
    check(const json::object* params, std::span<const parameter> schema, arguments& out);

    /// Takes the raw JSON value without any check, for routes with any_params.
    [[nodiscard]] static arguments unchecked(std::string raw);

    [[nodiscard]] bool has(std::string_view name) const;
    /// The parameter must exist and have that type; call has() before reading an optional
    /// parameter. Otherwise throws std::logic_error, because the handler is wrong; the client gets
    /// 500.
    [[nodiscard]] const std::string& text(std::string_view name) const;
    [[nodiscard]] std::int64_t integer(std::string_view name) const;
    [[nodiscard]] money decimal(std::string_view name) const;
    [[nodiscard]] double real(std::string_view name) const;
    [[nodiscard]] std::int64_t integer_or(std::string_view name, std::int64_t otherwise) const;
    [[nodiscard]] const std::string& raw() const;

    /// A digest of the values, independent of their order: it distinguishes a repeated request with
    /// an Idempotency-Key from a different request with the same key. Secret parameters are not
    /// part of it, because the digest is stored and would allow guessing passwords.
    [[nodiscard]] std::string fingerprint() const;

private:
    template <class T>
    [[nodiscard]] const T& held(std::string_view name) const;

    using value = std::variant<std::string, std::int64_t, money, double>;

    std::map<std::string, value, std::less<>> values_;
    std::span<const parameter> schema_; // the route's, which outlives its requests
    std::string raw_;
};

} // namespace msd::services
