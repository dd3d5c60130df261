// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "services/events/event_consumer.hpp"
#include "services/service.hpp"
#include "store/members_repository.hpp"

#include <asio/awaitable.hpp>

#include <span>

namespace msd::services {

// What each member has done so far, made of the events `member.joined` and `purchased` alone. A
// rebuild of the group members makes all overviews again from the first event on.
class member_overviews {
public:
    explicit member_overviews(const service_context& context);

    /// `members` lives until stop() has returned.
    void start(store::members_repository& members);
    asio::awaitable<void> stop();

    /// The handler of GET /members/{id}/overview, and its parameters.
    asio::awaitable<reply> find(call asked);
    [[nodiscard]] static std::span<const parameter> parameters();

    /// Members for the worker's statistics.
    void write_figures(json::writer& out) const;

private:
    asio::awaitable<result<event_outcome>> apply(store::pulled batch, deadline until);

    event_consumer consumer_;
    store::members_repository* members_ = nullptr;
};

} // namespace msd::services
