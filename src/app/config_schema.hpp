// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "app/key_readers.hpp"
#include "app/role_table.hpp"
#include "base/result.hpp"
#include "config/schema.hpp"

#include <span>
#include <string_view>

namespace msd::app {

using config_value = config::value;
using config_key = config::key<configuration>;

// The table of all keys of the configuration; config_table.cpp contains its rows.
class config_schema : public config::schema<configuration> {
public:
    /// `roles` determines the keys for ports and workers; it must outlive the schema.
    explicit config_schema(std::span<const role_facts> roles);

    /// The defaults.
    [[nodiscard]] configuration defaults() const;

private:
    std::span<const role_facts> roles_;
};

} // namespace msd::app
