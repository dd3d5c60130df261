// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace msd::wire {

// How an HTTP request becomes the params of a packet.

enum class body_kind { none, json, form, unsupported };

/// By media type, parameters ignored. An empty type with a body counts as JSON.
[[nodiscard]] body_kind body_kind_of(std::string_view content_type);

struct http_input {
    std::span<const std::pair<std::string_view, std::string>> path_variables; // decoded
    std::string_view query; // raw
    std::string_view body;
    body_kind kind = body_kind::none;
};

/// The params as JSON object text: members of the JSON body as they stand, or form values; then
/// query values; then path variables. Query and form values are strings, repeats become an array,
/// `+` is a space, percent-encoded bytes that are not UTF-8 are errc::malformed. An empty body is {}.
/// errc::malformed (400): broken JSON or no object, a bad escape, or a query or body value that
/// contradicts a path variable; the text says which.
[[nodiscard]] result<std::string> params_of(const http_input& input);

/// Percent-decoding; `plus_is_space` for queries and forms. errc::malformed for bad escapes or
/// bytes that are not UTF-8 afterwards.
[[nodiscard]] result<std::string> percent_decode(std::string_view text, bool plus_is_space);

} // namespace msd::wire
