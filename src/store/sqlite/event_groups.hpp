// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/redelivery.hpp"
#include "store/event_log.hpp"
#include "store/sqlite/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The consumer groups of sqlite::event_log: which of its events are in hand, and the dead letters.
// Each function is the work of one call of a database.
namespace msd::store::sqlite {

/// Scripts of the schema, in this order; the table `events` exists.
extern const std::string_view event_groups_schema;
extern const std::string_view event_failures_schema;

/// The columns position, source, id, type, subject, time and data, from column `first` on.
[[nodiscard]] event_row event_of(const query& row, std::size_t first);

/// What pull() returns if hand_out() would change nothing; else nullopt.
[[nodiscard]] result<std::optional<pulled>>
find_idle(connection& on, const pull_request& wanted, std::int64_t now_ms);

struct hand_out_time {
    std::int64_t now_ms;
    milliseconds lease;
};
[[nodiscard]] result<pulled>
hand_out(connection& on, const pull_request& wanted, const hand_out_time& at);

[[nodiscard]] result<std::int64_t> settle_leases(
    connection& on,
    const settlement& made,
    const core::redelivery& plan,
    std::int64_t now_ms
);

[[nodiscard]] result<std::vector<group_facts>> read_groups(connection& on);
[[nodiscard]] result<std::vector<dead_letter>>
read_dead_letters(connection& on, const std::string& group, std::int64_t limit);
[[nodiscard]] result<std::int64_t>
replay_dead_letters(connection& on, const std::string& group, std::int64_t position);
[[nodiscard]] result<std::int64_t>
discard_dead_letters(connection& on, const std::string& group, std::int64_t position);
[[nodiscard]] result<std::int64_t>
begin_again(connection& on, const std::string& group, std::int64_t now_ms);
[[nodiscard]] result<std::int64_t> renew_groups(connection& on, std::int64_t now_ms);

} // namespace msd::store::sqlite
