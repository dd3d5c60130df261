// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/role_table.hpp"

#include <array>

namespace msd::app {

// A fixed table with fewer roles than the program has, so that a new service does not change tests.
inline constexpr std::array<role_facts, 4> test_roles{{
    {role_kind::distributor, "distributor", "the registry", 9000, 3},
    {role_kind::gateway, "gateway", "the front", 8000, 0},
    {role_kind::service, "goods", "things", 9010, 1},
    {role_kind::service, "members", "people", 9020, 1},
}};

} // namespace msd::app
