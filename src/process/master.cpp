// SPDX-License-Identifier: Apache-2.0
#include "process/master.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "process/status.hpp"

#include <fmt/format.h>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace msd::process {

namespace {

// Never asleep for longer, whatever the arithmetic of deadlines says.
constexpr milliseconds turn_max{60'000};
// A fast stop gives each rank that long (requests in flight), then goes on to the next.
constexpr milliseconds fast_rank_time{1000};

std::string error_answer(std::string_view text) {
    return fmt::format(R"({{"error":{}}})", json::quote(text));
}

} // namespace

master::master(master_settings settings, signal_queue signals, std::vector<pool_settings> pools)
    : settings_{std::move(settings)},
      signals_{std::move(signals)},
      announced_(pools.size()),
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      timer_{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)},
      started_{clock::now()} {
    for (pool_settings& each : pools) {
        pools_.emplace_back(std::move(each), settings_.supervision, started_);
    }
}

master::~master() = default;

result<int> master::run() {
    if (const auto opened = open(); !opened) {
        return tl::unexpected{opened.error()};
    }
    start_due(clock::now());
    while (!(mode_ != mode::serving && all_gone())) {
        turn();
    }
    log::info("stopped");
    return exit_code_;
}

result<void> master::open() {
    auto program = executable::running();
    if (!program) {
        return tl::unexpected{std::move(program.error())};
    }
    std::map<std::string, std::uint16_t> ports;
    for (const pool& each : pools_) {
        ports[each.name()] = each.port();
    }
    plan_ = std::make_unique<launch_plan>(
        launch_plan{std::move(*program), settings_.command_line, std::move(ports)}
    );
    auto control =
        control_server::listen_at(settings_.control_socket, [this](std::string_view command) {
            return answer(command);
        });
    if (!control) {
        return tl::unexpected{std::move(control.error())};
    }
    control_ = std::make_unique<control_server>(std::move(*control));
    watch(signals_.descriptor());
    watch(timer_.get());
    watch(control_->descriptor());
    return {};
}

void master::turn() {
    set_timer();
    std::array<epoll_event, 64> events{};
    const int count = epoll_wait(
        epoll_.get(),
        events.data(),
        static_cast<int>(events.size()),
        static_cast<int>(turn_max.count())
    );
    const time_point now = clock::now();
    for (int i = 0; i < count; ++i) {
        on_event(events[static_cast<std::size_t>(i)].data.fd, now);
    }
    for (pool& each : pools_) {
        each.escalate(now);
    }
    control_->expire(now);
    look_for_ends(now);
    start_due(now);
    announce();
    if (mode_ != mode::serving) {
        stop_next_rank(now);
    }
}

void master::watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void master::on_event(int fd, time_point now) {
    if (fd == signals_.descriptor()) {
        while (const int number = signals_.next()) {
            on_signal(number, now);
        }
        return;
    }
    if (fd == timer_.get()) {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto got = read(timer_.get(), &expirations, sizeof expirations);
        return;
    }
    if (fd == control_->descriptor()) {
        control_->serve(now);
        return;
    }
    for (pool& each : pools_) {
        for (worker_process& worker : each.workers()) {
            if (worker.control.get() == fd) {
                each.hear_from(worker, now);
                return;
            }
        }
    }
}

void master::on_signal(int number, time_point now) {
    switch (number) {
    case SIGCHLD:
        reap(now);
        break;
    case SIGTERM:
    case SIGQUIT:
        begin_stop(mode_ == mode::serving ? mode::stopping : mode::stopping_fast, now);
        break;
    case SIGINT:
        begin_stop(mode::stopping_fast, now);
        break;
    case SIGHUP:
        check_configuration(now);
        break;
    case SIGUSR1:
        reopen_logs();
        break;
    case SIGWINCH:
        break; // terminals send it
    default:
        log::info("signal {} ({}) changes nothing", number, sigdescr_np(number));
        break;
    }
}

// Every child, also those that an earlier program left to us or that came to pid 1 as orphans.
void master::reap(time_point now) {
    int wait_status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
        for (pool& each : pools_) {
            if (each.reaped(pid, wait_status, now)) {
                break;
            }
        }
    }
}

void master::check_configuration(time_point now) {
    if (const auto checked = settings_.check_configuration(); !checked) {
        log::error("the configuration stays as it was: {}", checked.error().text);
        return;
    }
    log::info("the configuration is good; workers started from now on use it");
    for (pool& each : pools_) {
        each.configuration_changed(now);
    }
}

void master::reopen_logs() {
    log::reopen();
    for (const pool& each : pools_) {
        each.tell_all(core::worker_message::kind::reopen);
    }
}

void master::start_due(time_point now) {
    for (pool& each : pools_) {
        const std::size_t before = each.workers().size();
        each.start_due(*plan_, now);
        auto fresh = each.workers().begin();
        std::advance(fresh, static_cast<std::ptrdiff_t>(before));
        for (; fresh != each.workers().end(); ++fresh) {
            watch(fresh->control.get());
        }
    }
}

// A pool that cannot be ends the instance, once.
void master::look_for_ends(time_point now) {
    for (const pool& each : pools_) {
        const std::optional<pool::end>& ended = each.ended();
        if (ended && mode_ == mode::serving) {
            exit_code_ = ended->exit_code;
            log::error("{}", ended->reason);
            begin_stop(mode::stopping_fast, now);
        }
    }
}

void master::announce() {
    std::size_t index = 0;
    for (const pool& each : pools_) {
        if (!announced_[index] && each.is_ready()) {
            announced_[index] = true;
            settings_.on_pool_ready(each);
        }
        ++index;
    }
    const bool all =
        std::all_of(announced_.begin(), announced_.end(), [](bool one) { return one; });
    if (all && !all_announced_ && mode_ == mode::serving) {
        all_announced_ = true;
        settings_.on_all_ready();
        manager_.tell("READY=1");
    }
    if (const std::string_view now_is = state(); now_is != told_state_) {
        told_state_ = now_is;
        manager_.tell(fmt::format("STATUS={}", now_is));
    }
}

void master::begin_stop(mode how, time_point now) {
    if (mode_ >= how) {
        return;
    }
    log::info("stopping{}", how == mode::stopping_fast ? " at once" : "");
    manager_.tell("STOPPING=1");
    mode_ = how;
    for (pool& each : pools_) {
        each.expect_end();
    }
    if (how == mode::stopping_fast) {
        kill_at_ = now + settings_.supervision.stop_timeout;
        next_rank_at_ = now + fast_rank_time;
        for (pool& each : pools_) {
            if (each.is_stopping()) {
                each.stop(kill_at_);
            }
        }
    }
    stop_next_rank(now);
}

// Ranks leave one after the other: whoever still has work finds the pools below it serving.
void master::stop_next_rank(time_point now) {
    int rank = std::numeric_limits<int>::max();
    bool earlier_gone = true;
    for (const pool& each : pools_) {
        if (!each.is_stopping()) {
            rank = std::min(rank, each.stop_rank());
        } else if (!each.workers().empty()) {
            earlier_gone = false;
        }
    }
    if (!earlier_gone && now < next_rank_at_) {
        return;
    }
    for (pool& each : pools_) {
        if (each.is_stopping() || each.stop_rank() != rank) {
            continue;
        }
        if (mode_ == mode::stopping_fast) {
            each.stop(kill_at_);
            next_rank_at_ = now + fast_rank_time;
        } else {
            each.drain(now);
        }
    }
}

bool master::all_gone() const {
    return std::all_of(pools_.begin(), pools_.end(), [](const pool& each) {
        return each.is_stopping() && each.workers().empty();
    });
}

time_point master::next_due() const {
    time_point next = control_->next_due();
    for (const pool& each : pools_) {
        next = std::min(next, each.next_due());
        if (mode_ == mode::stopping_fast && !each.is_stopping()) {
            next = std::min(next, next_rank_at_);
        }
    }
    return next;
}

void master::set_timer() const {
    using std::chrono::nanoseconds;
    using std::chrono::seconds;
    itimerspec when{}; // all zero: disarmed
    const time_point next = next_due();
    if (next != time_point::max()) {
        // steady_clock is CLOCK_MONOTONIC; a moment that has passed fires at once.
        const auto at = std::max(next.time_since_epoch(), clock::duration{1});
        const auto whole = std::chrono::duration_cast<seconds>(at);
        when.it_value.tv_sec = whole.count();
        when.it_value.tv_nsec = std::chrono::duration_cast<nanoseconds>(at - whole).count();
    }
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

std::string_view master::state() const {
    if (mode_ != mode::serving) {
        return "stopping";
    }
    const bool ready =
        std::all_of(pools_.begin(), pools_.end(), [](const pool& each) { return each.is_ready(); });
    if (ready) {
        return "ready";
    }
    return all_announced_ ? "degraded" : "starting";
}

std::string master::answer(std::string_view command) const {
    json::object fields;
    if (const auto parsed = fields.parse(command); !parsed) {
        return error_answer("a command is one JSON object on one line");
    }
    const json::value* const name = fields.find("command");
    const std::string text = name == nullptr ? "" : name->as_string().value_or("");
    if (text == "status") {
        return status_json({state(), started_}, pools_, clock::now());
    }
    return error_answer(fmt::format("unknown command '{}'; known: status", text));
}

} // namespace msd::process
