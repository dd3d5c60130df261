// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace msd::app {

enum class role_kind : std::uint8_t { distributor, gateway, service, admin };

// One role of a worker, for the command line, the configuration and `msd up`. Functions that need
// the list of roles take it as an argument, so that tests can pass their own list.
struct role_facts {
    role_kind kind = role_kind::service;
    std::string_view name;
    std::string_view summary;
    std::uint16_t default_port = 0;
    int stop_rank = 0; // `msd up` stops lower ranks first: callers before the services they call

    /// It has exactly one worker.
    [[nodiscard]] bool is_single() const {
        return kind == role_kind::distributor || kind == role_kind::admin;
    }
    /// The section of the configuration file: "gateway", "services.goods".
    [[nodiscard]] std::string section() const;
};

/// Distributor, gateway, every service of this build, then admin, in the order `msd up` lists them.
[[nodiscard]] std::span<const role_facts> all_roles();

/// Null when there is no role of that name.
[[nodiscard]] const role_facts* find_role(std::span<const role_facts> roles, std::string_view name);

} // namespace msd::app
