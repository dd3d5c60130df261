// SPDX-License-Identifier: Apache-2.0
#include "process/master.hpp"

#include "base/log.hpp"
#include "process/takeover.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace msd::process {

master::master(master_settings settings, signal_queue signals, std::vector<pool_settings> pools)
    : settings_{std::move(settings)},
      signals_{std::move(signals)},
      planned_{std::move(pools)},
      plans_{pools_, settings_.program_path},
      rolls_{
          pools_,
          [this](roll_request::kind what, const shared_plan& before) {
              return plans_.next(what, before);
          },
          [this](const shared_plan& now_used) {
              plans_.note_success(now_used);
          }},
      recycler_{pools_, rolls_},
      reloads_{pools_, reload_actions()},
      upgrade_{
          settings_.program_path,
          [this] { return ask_new_program(); },
          [this](const executable& program) {
              questions_.give_up("the master is being replaced; try again");
              return take_over(program, state_for_successor());
          }},
      stop_{pools_, manager_},
      announced_{pools_, settings_.on_pool_ready, settings_.on_all_ready},
      questions_{pools_, answer_receiver()},
      commands_{pools_, command_actions()},
      started_{clock::now()},
      looked_at_{started_},
      awake_since_{started_} {}

master::master(
    master_settings settings,
    signal_queue signals,
    std::vector<pool_settings> pools,
    master_state left
)
    : master{std::move(settings), std::move(signals), std::move(pools)} {
    inherited_ = std::move(left);
}

master::~master() = default;

result<int> master::run() {
    if (const auto opened = open(); !opened) {
        return tl::unexpected{opened.error()};
    }
    report(started_);
    start_due(clock::now());
    while (stop_.is_serving() || !stop_.all_gone()) {
        turn();
    }
    log::info("stopped");
    return exit_code_;
}

result<void> master::open() {
    auto opened = inherited_ ? resume(*inherited_) : open_anew();
    if (!opened) {
        return opened;
    }
    meters_.emplace(board_->board);
    events_.watch(signals_.descriptor());
    events_.watch(control_->descriptor());
    if (std::exchange(inherited_, std::nullopt)) {
        // Children that ended before the exec: their SIGCHLD may have been consumed already.
        reap(clock::now());
    }
    return {};
}

result<void> master::open_anew() {
    if (auto opened = open_pools(); !opened) {
        return opened;
    }
    auto control = control_server::listen_at(settings_.control_socket, answerer());
    if (!control) {
        return tl::unexpected{std::move(control.error())};
    }
    control_ = std::make_unique<control_server>(std::move(*control));
    if (!manager_.is_there()) {
        return {};
    }
    for (worker_pool& each : pools_) {
        if (const listen_set& listeners = each.settings().listeners; !listeners.was_handed) {
            manager_.store(each.name(), listeners.sockets);
            each.share_listeners();
        }
    }
    return {};
}

control_server::handler master::answerer() {
    return [this](std::string_view command) {
        return commands_.answer(command);
    };
}

worker_questions::answer_to master::answer_receiver() {
    return [this](std::uint64_t question, std::string answer) {
        control_->answer(question, std::move(answer), clock::now());
    };
}

result<void> master::open_pools() {
    auto program = executable::running();
    if (!program) {
        return tl::unexpected{std::move(program.error())};
    }
    auto board = core::scoreboard::create();
    if (!board) {
        return tl::unexpected{std::move(board.error())};
    }
    board_ = std::make_shared<board_owner>(std::move(*board));
    std::map<std::string, std::uint16_t> ports;
    for (const pool_settings& each : planned_) {
        ports[each.name] = each.listeners.port;
    }
    plans_.begin(std::make_shared<launch_plan>(launch_plan{
        std::move(*program),
        settings_.command_line,
        std::move(ports),
        1,
        settings_.config}));
    for (pool_settings& each : planned_) {
        pools_
            .emplace_back(
                std::move(each),
                settings_.supervision,
                board_,
                plans_.current(),
                started_
            )
            .hold();
    }
    planned_.clear();
    return {};
}

void master::turn() {
    const std::vector<int> readable = events_.wait(next_due());
    const time_point now = clock::now();
    for (const int fd : readable) {
        on_event(fd, now);
    }
    for (worker_pool& each : pools_) {
        each.limits().escalate(now);
    }
    control_->expire(now);
    look_for_ends(now);
    look_for_silence(now);
    start_due(now);
    rolls_.advance(now);
    advance_reload(now);
    questions_.advance(now);
    watch_new_workers();
    announced_.advance(stop_.is_serving());
    report(now);
    meters_->update(pools_);
    stop_.advance(now);
    advance_upgrade(now); // last, when all events of this turn are handled
}

void master::on_event(int fd, time_point now) {
    if (fd == signals_.descriptor()) {
        while (const int number = signals_.next()) {
            on_signal(number, now);
        }
        return;
    }
    if (fd == control_->descriptor()) {
        control_->serve(now);
        return;
    }
    if (fd == upgrade_.descriptor()) {
        upgrade_.read_output();
        return;
    }
    for (worker_pool& each : pools_) {
        for (worker_process& worker : each.workers()) {
            if (worker.control.get() == fd) {
                each.messages().receive(worker, now);
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
        begin_stop(
            stop_.is_serving() ? stopping::mode::stopping : stopping::mode::stopping_fast,
            now
        );
        break;
    case SIGINT:
        begin_stop(stopping::mode::stopping_fast, now);
        break;
    case SIGHUP:
        on_hangup(now);
        break;
    case SIGUSR1:
        reopen_logs();
        break;
    case SIGUSR2:
        roll_all(roll_request::kind::new_program);
        break;
    case SIGTTIN:
    case SIGTTOU:
        for (worker_pool& each : pools_) {
            const int change = number == SIGTTIN ? 1 : -1;
            scale(each, static_cast<int>(each.slots().size()) + change, now);
        }
        break;
    case SIGWINCH:
        break; // terminals send it
    default:
        log::info("signal {} ({}) is ignored", number, sigdescr_np(number));
        break;
    }
}

// Reaps every child, including those of an earlier program and orphans that pid 1 gets.
void master::reap(time_point now) {
    int wait_status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
        if (upgrade_.reaped(pid, wait_status)) {
            continue;
        }
        for (worker_pool& each : pools_) {
            if (each.reaped(pid, wait_status, now)) {
                break;
            }
        }
    }
}

void master::reopen_logs() {
    log::reopen();
    for (const worker_pool& each : pools_) {
        each.send_to_all(core::worker_message::kind::reopen);
    }
}

// At the start a pool needs the pools of higher ranks: a gateway routes to registered services.
void master::release_pools() {
    for (worker_pool& each : pools_) {
        const bool waits =
            std::any_of(pools_.begin(), pools_.end(), [&each](const worker_pool& other) {
                return other.stop_rank() > each.stop_rank() && !other.has_served();
            });
        if (each.is_held() && !waits) {
            each.release();
        }
    }
}

void master::start_due(time_point now) {
    release_pools();
    for (worker_pool& each : pools_) {
        each.start_due(now);
    }
    watch_new_workers();
}

void master::watch_new_workers() {
    for (worker_pool& each : pools_) {
        for (worker_process& worker : each.workers()) {
            if (!worker.is_watched && worker.control) {
                events_.watch(worker.control.get());
                worker.is_watched = true;
            }
        }
    }
}

// A pool that cannot run ends the instance.
void master::look_for_ends(time_point now) {
    for (const worker_pool& each : pools_) {
        const std::optional<worker_pool::end>& ended = each.ended();
        if (ended && stop_.is_serving()) {
            exit_code_ = ended->exit_code;
            log::error("{}", ended->reason);
            begin_stop(stopping::mode::stopping_fast, now);
        }
    }
}

// After the master was suspended, the silence of workers counts from the moment it runs again.
void master::look_for_silence(time_point now) {
    const milliseconds period = settings_.supervision.heartbeat_every;
    if (now - looked_at_ < period) {
        return;
    }
    if (now - looked_at_ > 3 * period) {
        awake_since_ = now;
    }
    looked_at_ = now;
    for (worker_pool& each : pools_) {
        each.limits().abort_hung(awake_since_, now);
    }
    if (stop_.is_serving()) {
        recycler_.advance(settings_.supervision, now);
    }
    log::retry();
}

time_point master::next_due() const {
    time_point next =
        std::min({control_->next_due(), rolls_.due(), upgrade_.due(), manager_.due(), stop_.due()});
    next = std::min(next, reloads_.due(settings_.supervision.configure_timeout));
    next = std::min(next, questions_.due());
    next = std::min(next, looked_at_ + settings_.supervision.heartbeat_every);
    for (const worker_pool& each : pools_) {
        next = std::min(next, each.next_due());
    }
    return next;
}

} // namespace msd::process
