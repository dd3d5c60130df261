// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// Reads the values of single header fields. wire/http_head combines several fields.
namespace msd::wire {

inline constexpr std::size_t idempotency_key_bytes_max = 255;

/// The length of the quoted-string (RFC 9110, 5.6.4) at the start of `text`; 0 when there is none.
[[nodiscard]] std::size_t quoted_string_bytes(std::string_view text);

/// Whether `value` has a comma outside of quoted strings: several values in one line.
[[nodiscard]] bool is_list(std::string_view value);

/// Whether a Content-Encoding is empty or names only `identity`: the content is not encoded.
[[nodiscard]] bool is_identity(std::string_view content_encoding);

/// The key that the value of an Idempotency-Key means. A structured-field string (RFC 8941, 3.3.3)
/// means what it quotes, and parameters behind it are ignored; text without quotes means itself.
/// Nothing for an empty key, one of more than idempotency_key_bytes_max bytes, a list, and for
/// characters that are not visible ASCII; a string may hold blanks besides.
[[nodiscard]] std::optional<std::string> idempotency_key_of(std::string_view value);

} // namespace msd::wire
