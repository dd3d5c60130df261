// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/redelivery.hpp"
#include "store/event_log.hpp"
#include "store/sqlite/database.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msd::store::sqlite {

// event_log in an SQLite file, for the workers of one machine. Positions are row ids: there is one
// writer at a time, so they become visible in their order.
class event_log final : public store::event_log {
public:
    [[nodiscard]] static schema wanted_schema();

    struct settings {
        milliseconds lease{30'000};
        milliseconds redelivery{1'000};
    };

    event_log(std::unique_ptr<database> opened, settings chosen)
        : database_{std::move(opened)},
          lease_{chosen.lease},
          redelivery_{chosen.redelivery} {}

    asio::awaitable<result<published>>
    publish(std::vector<event_fields> events, deadline until) override;
    asio::awaitable<result<std::vector<event_row>>>
    read(event_query wanted, deadline until) override;
    asio::awaitable<result<pulled>> pull(pull_request wanted, deadline until) override;
    asio::awaitable<result<std::int64_t>> settle(settlement made, deadline until) override;
    asio::awaitable<result<std::vector<topic_facts>>> topics(deadline until) override;
    asio::awaitable<result<std::vector<group_facts>>> groups(deadline until) override;
    asio::awaitable<result<std::vector<dead_letter>>>
    dead_letters(std::string group, std::int64_t limit, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    replay(std::string group, std::int64_t position, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    discard(std::string group, std::int64_t position, deadline until) override;
    asio::awaitable<result<std::int64_t>> rebuild(std::string group, deadline until) override;
    asio::awaitable<result<std::int64_t>> begin_new_generations(deadline until) override;

private:
    std::unique_ptr<database> database_;
    milliseconds lease_;
    core::redelivery redelivery_;
};

} // namespace msd::store::sqlite
