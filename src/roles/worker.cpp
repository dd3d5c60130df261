// SPDX-License-Identifier: Apache-2.0
#include "roles/worker.hpp"

#include "base/log.hpp"
#include "core/worker_message.hpp"
#include "roles/membership.hpp"

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>

#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <malloc.h>
#include <memory>
#include <utility>

namespace msd::roles {

namespace {

constexpr auto use_tuple = asio::experimental::as_tuple(asio::use_awaitable);

constexpr milliseconds stop_limit{1000};
constexpr milliseconds orphan_limit{9000};
constexpr unsigned orphan_kill_s = 10; // SIGALRM ends an orphan whose loop does not
constexpr milliseconds farewell_limit{1000};

constexpr int exit_failed = 1;
constexpr int exit_configuration = 78;

// One life of a worker: start, serve, leave.
class life {
public:
    life(worker& surroundings, role& instance)
        : worker_{surroundings},
          role_{instance},
          control_{surroundings.loop},
          terminate_{surroundings.loop, SIGTERM},
          leaving_{surroundings.loop, time_point::max()} {
        if (worker_.environment.control >= 0) {
            control_.assign(worker_.environment.control);
            control_.non_blocking(true);
        }
    }

    int run() {
        worker_.tasks.spawn(worker_.dog.run());
        worker_.tasks.spawn(hear_master());
        worker_.tasks.spawn(hear_signal());
        asio::co_spawn(worker_.loop, live(), [this](const std::exception_ptr& broken) {
            if (broken) {
                std::rethrow_exception(broken);
            }
            worker_.loop.stop();
        });
        worker_.loop.run();
        return exit_code_;
    }

private:
    asio::awaitable<void> live() {
        tell(core::worker_message::kind::hello);
        auto started = co_await role_.start();
        if (!started) {
            log::error("{}", started.error().text);
            tell(core::worker_message::kind::fatal, started.error().text);
            exit_code_ = started.error().code == errc::invalid ? exit_configuration : exit_failed;
            co_await farewell();
            co_return;
        }
        net::listener::handler on_accept = [this](int fd, net::accept_credit credit) {
            role_.serve(fd, std::move(credit));
        };
        net::listener listener{
            worker_.loop.get_executor(),
            worker_.environment.listeners,
            std::move(on_accept)};
        tell(core::worker_message::kind::ready);
        while (!left_) {
            [[maybe_unused]] const auto [woken] = co_await leaving_.async_wait(use_tuple);
        }
        listener.stop();
        tell(core::worker_message::kind::draining);
        // What the accept thread had posted before it stopped is delivered before this resumes.
        auto executor = worker_.loop.get_executor();
        co_await asio::post(executor, asio::use_awaitable);
        co_await role_.drain(leave_until_);
        tell(core::worker_message::kind::drained);
        co_await farewell();
    }

    // Every coroutine ends before the objects it refers to.
    asio::awaitable<void> farewell() {
        terminate_.cancel();
        worker_.tasks.terminate();
        const bool all_left = co_await worker_.tasks.drained(farewell_limit);
        if (!all_left) {
            log::warning("{} tasks did not end", worker_.tasks.size());
            _exit(exit_code_);
        }
    }

    asio::awaitable<void> hear_master() {
        while (control_.is_open()) {
            std::array<char, core::worker_message_bytes_max> datagram{};
            const auto room = asio::buffer(datagram);
            const auto [failure, bytes] = co_await control_.async_read_some(room, use_tuple);
            if (failure == asio::error::operation_aborted) {
                co_return;
            }
            if (failure || bytes == 0) {
                orphaned();
                co_return;
            }
            const auto message = core::decode_worker_message({datagram.data(), bytes});
            if (message) {
                obey(message->what);
            }
        }
    }

    void obey(core::worker_message::kind command) {
        using enum core::worker_message::kind;
        switch (command) {
        case drain:
            leave(worker_.environment.drain_timeout);
            break;
        case stop:
            leave(stop_limit);
            break;
        case reopen:
            log::reopen();
            role_.reopen();
            break;
        case stats:
            tell(stats, role_.stats());
            break;
        default:
            break;
        }
    }

    asio::awaitable<void> hear_signal() {
        const auto [failure, number] = co_await terminate_.async_wait(use_tuple);
        if (!failure) {
            orphaned();
        }
    }

    // The master is gone (or its death signal says so): a new one must be able to bind.
    void orphaned() {
        alarm(orphan_kill_s);
        leave(orphan_limit);
    }

    void leave(milliseconds limit) {
        leave_until_ = leave_until_.sooner(deadline::in(limit));
        left_ = true;
        leaving_.cancel();
    }

    void tell(core::worker_message::kind what, std::string text = {}) {
        if (!control_.is_open()) {
            return;
        }
        const std::string datagram = core::encode({what, std::move(text)});
        // A master too busy to read loses a line of news, never the worker.
        asio::error_code lost;
        control_.write_some(asio::buffer(datagram), lost);
    }

    worker& worker_;
    role& role_;
    asio::posix::stream_descriptor control_;
    asio::signal_set terminate_;
    asio::steady_timer leaving_; // cancelled when the worker is told to leave
    deadline leave_until_ = deadline::never();
    bool left_ = false;
    int exit_code_ = 0;
};

// glibc raises its threshold for mapping with every large block that is freed; then large packets
// leave holes in the heap and the worker keeps what a burst has cost. Fixed, they go back at once.
void give_large_blocks_back() {
    constexpr int mapped_bytes_min = 256 * 1024;
    mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
    mallopt(M_TRIM_THRESHOLD, 2 * mapped_bytes_min);
}

} // namespace

worker::worker(worker_environment given)
    : environment{std::move(given)},
      tasks{loop.get_executor(), report_failure},
      dog{loop.get_executor()} {}

int run(worker& surroundings, role& instance) {
    give_large_blocks_back();
    life one{surroundings, instance};
    return one.run();
}

} // namespace msd::roles
