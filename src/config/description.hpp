// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "config/value.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The description of a configuration key. Everything that depends on a key comes from it: the check
// of its values, their errors, the commented configuration file, the manual page, and what a reload
// does when the value has changed.
namespace msd::config {

enum class kind : std::uint8_t {
    integer,
    truth,
    text,
    texts,         // a list of texts
    weights,       // a table of names with integers: { api = 95, api-next = 5 }
    text_or_table, // "100/s" or { rate = "100/s", burst = 20 }; the key checks the table's members
    tables,        // [[gateway.routes]]
    named          // [upstream.NAME]; the name of the key is "upstream.*"
};

enum class unit : std::uint8_t { none, milliseconds, bytes, percent };

/// A set of programs and processes that read a key, one bit each. The user of this folder defines
/// the bits.
using reader_set = unsigned;

struct description {
    std::string name; // "gateway.request_timeout_ms"
    std::string text; // one line for people
    kind of = kind::text;
    unit in = unit::none;
    std::int64_t least = 0;                // integers, weights; texts: length in bytes
    std::int64_t most = 0;                 // the same
    std::size_t entries_max = 0;           // of texts, weights, tables, named
    std::vector<std::string_view> choices; // texts: nothing else is allowed; empty: anything
    reader_set readers = 0;
    std::string role;       // only processes of this role read it; empty: any role
    bool has_lines = false; // texts: line feeds and tabs are allowed
    // What a reload does with a changed value: with neither, the workers that read it are replaced.
    bool needs_restart = false; // nothing, the instance keeps its value
    bool live = false;          // running workers apply it
    bool secret = false;        // messages do not contain the value
    // A wrong value is a configuration error (exit code 78) even from a flag, because whether it is
    // right depends on the host, not only on the syntax.
    bool depends_on_host = false;
};

/// "an integer", "an array of strings", …
[[nodiscard]] std::string_view expected_by(const description& key);

/// Checks type, bounds and choices. errc::invalid says what is wrong; the caller adds the name of
/// the key.
[[nodiscard]] result<void> check(const description& key, const value& what);

/// The value that a text of a variable or a flag stands for; a list is separated by commas.
/// errc::invalid when the text is not of the key's type.
[[nodiscard]] result<value> parse_text(const description& key, std::string_view text);

/// `message` without the value, if the key is secret.
[[nodiscard]] std::string mask(const description& key, const value& what, std::string message);

/// True for "services.goods.port" in "services" and "services.goods".
[[nodiscard]] bool is_in_section(std::string_view name, std::string_view section);

/// The name, or the section of names, most similar to `name`, but no section that `name` is in;
/// empty when none is similar. `names` are complete: "gateway.port".
[[nodiscard]] std::string
suggest(std::string_view name, const std::vector<std::string_view>& names);

} // namespace msd::config
