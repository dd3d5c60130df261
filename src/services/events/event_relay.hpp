// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "net/task_group.hpp"
#include "services/events/event_outage.hpp"
#include "services/service.hpp"
#include "store/outbox.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace msd::services {

// Publishes the events in the outbox of a service's store, in their order. Every worker has one;
// the outbox decides which of them works. An event is removed from the outbox once the service
// events has it; after a death in between it is published again, which the service events notices.
class event_relay {
public:
    static constexpr milliseconds batch_pause{25};  // collects events of several writes
    static constexpr milliseconds look_every{3000}; // for events that a killed worker has left
    static constexpr milliseconds retry_after{500};
    static constexpr std::int64_t batch_events = 200;

    /// `source`: of the events, "/purchases".
    event_relay(const service_context& context, std::string_view source);
    ~event_relay();
    event_relay(const event_relay&) = delete;
    event_relay& operator=(const event_relay&) = delete;

    /// `from` lives until stop() has returned.
    void start(store::outbox& from);
    asio::awaitable<void> stop();

    /// Call after a write that may have put an event into the outbox.
    void wake();

    /// Members for the worker's statistics.
    void write_figures(json::writer& out) const;

private:
    asio::awaitable<void> run(store::outbox* from);
    asio::awaitable<void> wait(milliseconds pause);
    asio::awaitable<milliseconds> publish_all(store::outbox* from);
    void remind(time_point now);
    asio::awaitable<result<void>> publish(std::vector<store::unsent_event> events);

    service_context context_;
    std::string source_;
    std::string holder_;
    net::task_group tasks_;
    asio::steady_timer timer_;
    event_outage outage_;
    bool is_awake_ = false;
    std::uint64_t published_ = 0;
    std::int64_t waiting_ = 0; // in the outbox, when this worker has looked last
};

} // namespace msd::services
