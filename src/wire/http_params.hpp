// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace msd::wire {

// Turns the path variables, query and body of an HTTP request into the params of a packet.

enum class body_kind : std::uint8_t {
    none,
    json,
    form,
    untyped, // no media type: a form when the body looks like one, else JSON
    unsupported,
};

/// By media type, parameters ignored; also types ending in +json are JSON.
[[nodiscard]] body_kind body_kind_of(std::string_view content_type);

struct http_input {
    std::span<const std::pair<std::string_view, std::string>> path_variables; // decoded
    std::string_view query;                                                   // raw
    std::string_view body;
    body_kind kind = body_kind::none;
};

constexpr std::size_t pairs_max = 1000; // of a query, and of a form

/// The params as JSON object text, each name once: the members of the JSON body byte for byte (of
/// repeated ones the last) or the form values, then query values, then path variables. Where names
/// are equal, the path variable wins over the body, the body over the query. Query and form values
/// are strings, repeats become an array, `+` is a space. An empty body is {}; with body_kind::none
/// the body is not looked at. errc::malformed (400): broken JSON or no object, an escape of half a
/// surrogate pair anywhere in JSON, a bad percent-escape or bytes that are not UTF-8, more than
/// pairs_max pairs, or a query or body value that contradicts a path variable (7, "7" and 7.0 agree
/// with the variable 7); the text says which, and what to write instead. errc::too_large: nested
/// too deep; errc::invalid: more members or values than body_bounds allows (wire/request_size.hpp).
[[nodiscard]] result<std::string> params_of(const http_input& input);

/// Percent-decoding; `plus_is_space` for queries and forms. errc::malformed for bad escapes or
/// bytes that are not UTF-8 afterwards.
[[nodiscard]] result<std::string> percent_decode(std::string_view text, bool plus_is_space);

} // namespace msd::wire
