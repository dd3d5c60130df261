// SPDX-License-Identifier: Apache-2.0
#include "services/logs/logs_service.hpp"

#include "base/exception_text.hpp"
#include "base/log.hpp"
#include "net/blocking_lane.hpp"
#include "net/task_group.hpp"
#include "net/use_tuple.hpp"
#include "services/logs/log_family.hpp"
#include "store/data_directory.hpp"
#include "store/outage_log.hpp"

#include <asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds flush_every{1000};
constexpr milliseconds write_timeout{30'000};
constexpr milliseconds stop_timeout{5000};
constexpr std::string_view directory = "logs"; // in the data directory

class logs_service final : public service {
public:
    explicit logs_service(const service_context& context)
        : data_dir_{context.settings.data_dir},
          families_{
              family_of(log_source::client, context.settings),
              family_of(log_source::node, context.settings),
              family_of(log_source::msd, context.settings)},
          outage_{"log files in " + (data_dir_ / directory).string()},
          due_{context.executor},
          tasks_{
              context.executor,
              [this](const std::exception_ptr& failure) {
                  task_failed(failure);
              }},
          lane_{context.executor, {.threads = 1, .calls_max = 16, .batch_max = 1}} {
        routes_ = {{
            .method = "POST",
            .path = "/logs",
            .parameters = {},
            .handle = [this](call asked) { return take(std::move(asked)); },
            .one_way = true,
            .any_params = true,
            .wants_client = true,
        }};
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    asio::awaitable<result<void>> start() override {
        auto prepared = store::prepare_data_directory(data_dir_);
        if (prepared) {
            prepared = store::prepare_data_directory(data_dir_ / directory);
        }
        if (prepared) {
            tasks_.spawn(flush_until_stopped());
        }
        co_return prepared;
    }

    asio::awaitable<void> stop() override {
        stopping_ = true;
        due_.cancel();
        const bool flushed = co_await tasks_.drained(stop_timeout);
        if (!flushed) {
            tasks_.terminate();
            [[maybe_unused]] const bool ended = co_await tasks_.drained(stop_timeout);
        }
        lane_.stop();
    }

    void reopen() override {
        reopen_ = true;
        due_.cancel();
    }

    void write_figures(json::writer& out) const override {
        out.key("lines_dropped").begin_object();
        for (const log_family& family : families_) {
            out.key(name_of(family.source())).unsigned_integer(family.dropped());
        }
        out.end_object();
    }

private:
    static log_family family_of(log_source source, const service_options& settings) {
        return log_family{source, settings.data_dir / directory, settings.slot, settings.logs};
    }

    asio::awaitable<reply> take(call asked) {
        log_family& family = families_.at(static_cast<std::size_t>(source_of(asked.from)));
        family.add(asked.from, asked.args.raw(), clock::now());
        if (family.is_full()) {
            due_.cancel();
        }
        co_return success();
    }

    // A task that is terminated also ends with an exception. The worker cannot work without the
    // task that writes the file: it exits, and the master replaces it.
    void task_failed(const std::exception_ptr& failure) const {
        if (!stopping_) {
            log::error(
                "the task that writes the log files threw an exception: {}",
                exception_text(failure)
            );
            std::terminate();
        }
    }

    asio::awaitable<void> flush_until_stopped() {
        while (!stopping_) {
            const bool is_due = reopen_ || std::ranges::any_of(families_, &log_family::is_full);
            if (!is_due) {
                due_.expires_after(flush_every);
                [[maybe_unused]] const auto [woken] = co_await due_.async_wait(net::use_tuple);
            }
            co_await flush(stopping_);
        }
        co_await flush(true);
    }

    asio::awaitable<void> flush(bool last) {
        const bool anew = std::exchange(reopen_, false);
        for (log_family& family : families_) {
            if (anew || !family.is_empty() || family.has_report()) {
                co_await flush_family(&family, anew, last);
            }
        }
    }

    asio::awaitable<void> flush_family(log_family* family, bool anew, bool last) {
        const auto text = std::make_shared<const std::string>(family->take(clock::now(), last));
        if (text->empty() && !anew) {
            co_return;
        }
        auto write = [family, text, anew] {
            if (anew) {
                family->reopen();
            }
            return family->write(*text);
        };
        const auto written = co_await lane_.run(deadline::in(write_timeout), std::move(write));
        if (written) {
            outage_.answered();
        } else {
            family->count_lost(*text);
            outage_.failed(written.error(), clock::now());
        }
    }

    const std::filesystem::path data_dir_;
    // By log_source; the lane's thread uses their files.
    std::array<log_family, log_sources> families_;
    store::outage_log outage_;
    std::vector<route> routes_;
    bool reopen_ = false;
    bool stopping_ = false;
    asio::steady_timer due_; // cancelled to flush at once
    net::task_group tasks_;
    net::blocking_lane lane_; // last: its thread uses the files
};

} // namespace

std::unique_ptr<service> make_logs_service(const service_context& context) {
    return std::make_unique<logs_service>(context);
}

} // namespace msd::services
