// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "app/key_readers.hpp"
#include "app/role_table.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace msd::app {

using config_value = std::variant<std::int64_t, bool, std::string>;

/// "an integer", "true or false", "a string": for messages.
[[nodiscard]] std::string_view kind_of(const config_value& value);

// One key: its name, bounds and meaning, the member of the configuration that it sets, and the
// processes that read it. The kind of its value is the kind of its default.
struct config_key {
    std::string name;                      // "gateway.request_timeout_ms"
    std::string text;                      // one line for people
    std::int64_t least = 0;                // integers
    std::int64_t most = 0;                 // integers; texts: length in bytes
    std::vector<std::string_view> choices; // texts: nothing else is allowed; empty: anything
    key_readers readers = 0;
    std::string role;           // only processes of this role read it; empty: any role
    bool needs_restart = false; // a reload does not change it
    bool live = false;          // its readers apply a change of it while they serve
    // A wrong value is a configuration error (exit code 78) even from a flag, because whether it is
    // right depends on the host, not only on the syntax.
    bool depends_on_host = false;
    std::function<result<void>(configuration&, const config_value&)> put;
    std::function<config_value(const configuration&)> get;
};

// The table of all keys. File, environment and command line set values through it, so that type,
// bounds and meaning of a key are defined once.
class config_schema {
public:
    /// `roles` determines the keys for ports and workers; it must outlive the schema.
    explicit config_schema(std::span<const role_facts> roles);

    [[nodiscard]] std::span<const config_key> keys() const { return keys_; }
    /// Null when there is no key of that name.
    [[nodiscard]] const config_key* find(std::string_view name) const;
    /// True for a prefix of keys: "gateway", "services", "services.goods".
    [[nodiscard]] bool is_section(std::string_view name) const;
    /// The key or section most similar to `name`; empty when none is similar.
    [[nodiscard]] std::string suggestion(std::string_view name) const;

    /// The defaults.
    [[nodiscard]] configuration defaults() const;

    /// errc::invalid says what is wrong with the value; the caller adds the name of the key.
    [[nodiscard]] static result<void>
    set(configuration& into, const config_key& key, const config_value& value);
    /// The same for text from an environment variable or a flag.
    [[nodiscard]] static result<void>
    set_text(configuration& into, const config_key& key, std::string_view text);

private:
    std::span<const role_facts> roles_;
    std::vector<config_key> keys_;
};

} // namespace msd::app
