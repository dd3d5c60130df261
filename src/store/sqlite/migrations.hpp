// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/sqlite/connection.hpp"

#include <span>
#include <string_view>

namespace msd::store::sqlite {

// The schema of one service: the scripts that migrate an empty file to the version of this build.
// Script N migrates from version N to version N + 1. Published scripts never change. New scripts
// are appended and only add to the schema, because an older msd has to work with it after a
// rollback.
struct schema {
    std::string_view service;
    std::span<const std::string_view> migrations;
};

/// Migrates the database to the version of this build in one transaction; does nothing when it has
/// this version or a later one. The caller holds the write turn.
[[nodiscard]] result<void> migrate(connection& on, const schema& wanted);

/// Returns what migrate() would do. `on` may be opened for reading; null: the database does not
/// exist.
[[nodiscard]] result<migration_report> plan_migration(connection* on, const schema& wanted);

} // namespace msd::store::sqlite
