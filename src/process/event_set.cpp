// SPDX-License-Identifier: Apache-2.0
#include "process/event_set.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace msd::process {

namespace {

// Upper limit of one wait, in case a deadline is computed wrongly.
constexpr milliseconds turn_max{60'000};
constexpr std::size_t events_max = 64;

} // namespace

event_set::event_set()
    : epoll_{epoll_create1(EPOLL_CLOEXEC)},
      timer_{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)} {
    watch(timer_.get());
}

void event_set::watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

std::vector<int> event_set::wait(time_point until) const {
    set_timer(until);
    std::array<epoll_event, events_max> events{};
    const int count = epoll_wait(
        epoll_.get(),
        events.data(),
        static_cast<int>(events.size()),
        static_cast<int>(turn_max.count())
    );
    std::vector<int> readable;
    for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd != timer_.get()) {
            readable.push_back(fd);
            continue;
        }
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto got = read(timer_.get(), &expirations, sizeof expirations);
    }
    return readable;
}

void event_set::set_timer(time_point until) const {
    using std::chrono::nanoseconds;
    using std::chrono::seconds;
    itimerspec when{}; // all zero: disarmed
    if (until != time_point::max()) {
        // steady_clock is CLOCK_MONOTONIC; a moment that has passed fires at once.
        const auto at = std::max(until.time_since_epoch(), clock::duration{1});
        const auto whole = std::chrono::duration_cast<seconds>(at);
        when.it_value.tv_sec = whole.count();
        when.it_value.tv_nsec = std::chrono::duration_cast<nanoseconds>(at - whole).count();
    }
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

} // namespace msd::process
