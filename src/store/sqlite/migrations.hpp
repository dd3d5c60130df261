// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/sqlite/connection.hpp"

#include <span>
#include <string_view>

namespace msd::store::sqlite {

// The schema of one service: the scripts that lead from an empty file to what this build expects.
// Script N makes version N + 1 of version N. Published scripts never change; new ones are added at
// the end and only add to the schema, because a roll can be taken back: then an older msd meets it.
struct schema {
    std::string_view service;
    std::span<const std::string_view> migrations;
};

/// Brings the database to the version of this build, in one transaction; nothing when it is there
/// or further. The caller holds the turn to write.
[[nodiscard]] result<void> migrate(connection& on, const schema& wanted);

/// What migrate() would do, without doing it. `on` may be opened for reading; null: there is no
/// database yet.
[[nodiscard]] result<migration_report> plan_migration(connection* on, const schema& wanted);

} // namespace msd::store::sqlite
