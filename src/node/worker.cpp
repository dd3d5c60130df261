// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: the whole life of a worker, from its first message to its last.
#include "node/worker.hpp"

#include "base/exception_text.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "base/version.hpp"
#include "core/worker_message.hpp"
#include "net/descriptor_channel.hpp"
#include "net/use_tuple.hpp"
#include "node/answering.hpp"
#include "node/configuring.hpp"
#include "node/worker_meters.hpp"

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <exception>
#include <malloc.h>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace msd::node {

namespace {

constexpr milliseconds stop_limit{1000};
constexpr milliseconds orphan_drain{core::orphan_limit - std::chrono::seconds{1}};
constexpr milliseconds task_end_limit{1000};

constexpr int exit_failed = 1;
constexpr int exit_internal = 70;
constexpr int exit_configuration = 78;

// Runs a worker: start, serve, drain.
class life {
public:
    life(worker& surroundings, role& instance)
        : worker_{surroundings},
          role_{instance},
          control_{surroundings.loop},
          terminate_{surroundings.loop, SIGTERM},
          stop_requested_{surroundings.loop, time_point::max()},
          configurations_{instance, [this](auto what, std::string text) {
                              send_message(what, std::move(text));
                          }} {
        if (worker_.environment.control >= 0) {
            control_.assign(worker_.environment.control);
            control_.non_blocking(true);
        }
    }

    int run() {
        worker_.tasks.spawn(vital(worker_.dog.run()));
        worker_.tasks.spawn(vital(receive_commands()));
        worker_.tasks.spawn(vital(wait_for_signal()));
        if (worker_.board) {
            worker_.tasks.spawn(vital(beat()));
        }
        asio::co_spawn(worker_.loop, run_role(), [this](const std::exception_ptr& broken) {
            if (broken) {
                std::rethrow_exception(broken);
            }
            worker_.loop.stop();
        });
        try {
            worker_.loop.run();
        } catch (...) {
            break_down(std::current_exception());
        }
        return exit_code_;
    }

private:
    asio::awaitable<void> run_role() {
        send_message(core::worker_message::kind::hello, build_name());
        auto started = co_await role_.start();
        if (!started) {
            log::error("{}", started.error().text);
            send_message(core::worker_message::kind::fatal, started.error().text);
            exit_code_ = started.error().code == errc::invalid ? exit_configuration : exit_failed;
            co_await end_tasks();
            co_return;
        }
        if (worker_.environment.handover >= 0) {
            worker_.tasks.spawn(vital(take_over(unique_fd{worker_.environment.handover})));
        } else {
            serve();
        }
        meters_.measure_memory(clock::now());
        send_message(core::worker_message::kind::ready);
        configurations_.start();
        apply_configurations();
        while (!is_stopping_) {
            [[maybe_unused]] const auto [woken] =
                co_await stop_requested_.async_wait(net::use_tuple);
        }
        if (listener_ && is_last_) {
            listener_->stop_with_queue();
        } else if (listener_) {
            listener_->stop();
        }
        send_message(core::worker_message::kind::draining);
        // Connections that the accept thread posted before it stopped are delivered before this
        // resumes.
        auto executor = worker_.loop.get_executor();
        co_await asio::post(executor, asio::use_awaitable);
        co_await role_.drain(drain_until_);
        meters_.update(role_);
        send_message(core::worker_message::kind::drained);
        co_await end_tasks();
    }

    void serve() {
        net::listener::handler on_accept = [this](int fd, net::accept_credit credit) {
            role_.serve(fd, std::move(credit));
        };
        listener_.emplace(
            worker_.loop.get_executor(),
            worker_.environment.listeners,
            std::move(on_accept),
            worker_.share ? &*worker_.share : nullptr
        );
    }

    // An exception may leave objects half started, which cannot be destroyed: no destructor runs.
    [[noreturn]] void break_down(const std::exception_ptr& thrown) {
        const std::string text = "the worker ended with an exception: " + exception_text(thrown);
        log::error("{}", text);
        send_message(core::worker_message::kind::fatal, text);
        _exit(exit_internal);
    }

    // The worker cannot work without this task.
    asio::awaitable<void> vital(asio::awaitable<void> task) {
        try {
            co_await std::move(task);
        } catch (...) {
            if (!ends_) {
                break_down(std::current_exception());
            }
        }
    }

    asio::awaitable<void> take_over(unique_fd from) {
        const bool took_over = co_await role_.take_over(std::move(from));
        nothing_to_take_ = !took_over;
        if (!is_stopping_ && (took_over || may_serve_)) {
            serve();
        }
    }

    asio::awaitable<void> hand_over(unique_fd to) {
        listener_->pause();
        // Connections that the accept thread posted before it stopped are served before this
        // resumes.
        auto executor = worker_.loop.get_executor();
        co_await asio::post(executor, asio::use_awaitable);
        result<void> gone = fail(errc::refused, "the old worker is shutting down");
        if (!is_stopping_) {
            gone = role_.hand_over(to, deadline::in(core::handover_limit));
        }
        if (gone) {
            log::info("the state was handed over to the new worker");
            start_stopping(stop_limit);
            co_return;
        }
        log::warning("the state was not handed over; this worker continues: {}", gone.error().text);
        send_message(core::worker_message::kind::kept, gone.error().text);
        if (!is_stopping_) {
            listener_->resume();
        }
    }

    // Every coroutine ends before the objects it refers to.
    asio::awaitable<void> end_tasks() {
        ends_ = true;
        terminate_.cancel();
        worker_.tasks.terminate();
        const bool all_ended = co_await worker_.tasks.drained(task_end_limit);
        if (!all_ended) {
            log::warning("{} tasks did not end in time", worker_.tasks.size());
            _exit(exit_code_);
        }
    }

    asio::awaitable<void> receive_commands() {
        while (control_.is_open()) {
            const auto [failure] = co_await control_.async_wait(
                asio::posix::stream_descriptor::wait_read,
                net::use_tuple
            );
            if (failure == asio::error::operation_aborted) {
                co_return;
            }
            auto received = net::receive_parcel(control_.native_handle(), deadline::in({}));
            if (received) {
                handle(std::move(*received));
            } else if (received.error().code == errc::unavailable) {
                // HAND_OVER or CONFIGURE, and this process has no free descriptor. The master
                // replaces a worker that does not answer CONFIGURE.
                send_message(core::worker_message::kind::kept, received.error().text);
            } else if (received.error().code == errc::closed || failure) {
                stop_as_orphan();
                co_return;
            }
        }
    }

    void handle(net::parcel&& from_master) {
        const auto message = core::decode_worker_message(from_master.text);
        if (!message) {
            return;
        }
        if (message->what == core::worker_message::kind::scale) {
            scale(message->text);
        } else if (message->what == core::worker_message::kind::configure) {
            configurations_.note(message->text, std::move(from_master.descriptors));
            apply_configurations();
        } else if (message->what == core::worker_message::kind::ask) {
            if (answer_question(worker_, role_, std::move(from_master.descriptors))) {
                send_message(core::worker_message::kind::answered, message->text);
            }
        } else if (message->what != core::worker_message::kind::hand_over) {
            apply(*message);
        } else if (from_master.descriptors.size() == 1 && listener_) {
            worker_.tasks.spawn(vital(hand_over(std::move(from_master.descriptors.front()))));
        } else {
            send_message(
                core::worker_message::kind::kept,
                "this worker does not serve yet, or HAND_OVER came without a socket"
            );
        }
    }

    void apply_configurations() {
        if (configurations_.is_due() && !ends_) {
            worker_.tasks.spawn(vital(configurations_.run()));
        }
    }

    void scale(std::string_view workers) {
        int wanted = 0;
        const char* const end = workers.data() + workers.size();
        if (std::from_chars(workers.data(), end, wanted).ptr == end && wanted > 0) {
            worker_.environment.workers = wanted;
            role_.scaled();
        }
    }

    void apply(const core::worker_message& command) {
        using enum core::worker_message::kind;
        switch (command.what) {
        case drain:
            is_last_ = command.text == core::last_of_pool;
            start_stopping(worker_.environment.drain_timeout);
            break;
        case stop:
            is_last_ = command.text == core::last_of_pool;
            start_stopping(stop_limit);
            break;
        case core::worker_message::kind::serve:
            may_serve_ = true;
            if (nothing_to_take_ && !listener_ && !is_stopping_) {
                this->serve();
            }
            break;
        case reopen:
            log::reopen();
            role_.reopen();
            break;
        default:
            break;
        }
    }

    // The event loop itself writes the heartbeat, so a loop that hangs writes none.
    asio::awaitable<void> beat() {
        core::worker_figures& figures = worker_.board->line(worker_.environment.line);
        figures.beats_every_ms = worker_.environment.heartbeat_every.count();
        asio::steady_timer timer{worker_.loop};
        for (;;) {
            figures.beat(clock::now());
            worker_.cells.keep(clock::now());
            meters_.update(role_);
            publish_stats();
            log::retry();
            timer.expires_after(worker_.environment.heartbeat_every);
            const auto [stopped] = co_await timer.async_wait(net::use_tuple);
            if (stopped) {
                co_return;
            }
        }
    }

    asio::awaitable<void> wait_for_signal() {
        const auto [failure, number] = co_await terminate_.async_wait(net::use_tuple);
        if (!failure) {
            stop_as_orphan();
        }
    }

    // The figures that the scoreboard has no fields for, when they have changed.
    void publish_stats() {
        std::string text = role_.stats();
        if (text != published_stats_) {
            worker_.board->stats(worker_.environment.line).write(text);
            meters_.update_figures(text);
            published_stats_ = std::move(text);
        }
    }

    // The master has ended, or a TERM signal arrived. This worker stops, so that a new master can
    // bind the ports.
    void stop_as_orphan() {
        alarm(static_cast<unsigned>(core::orphan_limit.count())); // kills a worker that hangs
        is_last_ = true;
        start_stopping(orphan_drain);
    }

    void start_stopping(milliseconds limit) {
        drain_until_ = drain_until_.sooner(deadline::in(limit));
        is_stopping_ = true;
        stop_requested_.cancel();
    }

    void send_message(core::worker_message::kind what, std::string text = {}) {
        if (!control_.is_open()) {
            return;
        }
        const std::string datagram = core::encode({what, std::move(text)});
        // When the master is too busy to read, the message is lost; the worker never waits.
        asio::error_code lost;
        control_.write_some(asio::buffer(datagram), lost);
    }

    worker& worker_;
    role& role_;
    asio::posix::stream_descriptor control_;
    asio::signal_set terminate_;
    asio::steady_timer stop_requested_; // cancelled when the worker has to stop
    deadline drain_until_ = deadline::never();
    std::optional<net::listener> listener_; // none before this worker serves
    bool is_last_ = false; // no other worker will accept what waits in the sockets' queues
    bool is_stopping_ = false;
    bool ends_ = false;            // its tasks are being terminated
    bool nothing_to_take_ = false; // the previous worker does not hand its state over
    bool may_serve_ = false;       // the master sent SERVE
    int exit_code_ = 0;
    std::string published_stats_;
    worker_meters meters_{worker_};
    configuring configurations_;
};

// glibc raises its mmap threshold whenever a large block is freed. Then large packets are allocated
// in the heap and leave holes, and the worker keeps the memory of a burst. With a fixed threshold,
// large blocks are returned to the system at once. With one arena per thread, blocks that one
// thread allocates and another frees make the arenas grow for hours; the few threads of a worker do
// not contend for a single one.
void keep_heap_small() {
    constexpr int mapped_bytes_min = 256 * 1024;
    // NOLINTBEGIN(concurrency-mt-unsafe): there is no other thread yet
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
    mallopt(M_TRIM_THRESHOLD, 2 * mapped_bytes_min);
    // NOLINTEND(concurrency-mt-unsafe)
}

std::optional<core::scoreboard> board_of(const worker_environment& environment) {
    if (environment.board < 0) {
        return std::nullopt;
    }
    auto mapped = core::scoreboard::adopt(unique_fd{environment.board});
    if (!mapped) {
        log::error("{}", mapped.error().text);
        return std::nullopt;
    }
    return std::move(*mapped);
}

} // namespace

worker::worker(worker_environment given)
    : environment{std::move(given)},
      board{board_of(environment)},
      cells{board ? &*board : nullptr, environment.line, &metrics},
      faults{board ? &board->faults() : nullptr},
      tasks{loop.get_executor(), net::log_failures("worker")},
      dog{loop.get_executor()} {
    if (board) {
        share.emplace(*board, environment.line, environment.pool);
        metrics = core::metrics{*board, environment.line};
    }
}

int run(worker& surroundings, role& instance) {
    keep_heap_small();
    life one{surroundings, instance};
    return one.run();
}

} // namespace msd::node
