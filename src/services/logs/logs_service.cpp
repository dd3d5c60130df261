// SPDX-License-Identifier: Apache-2.0
#include "services/logs/logs_service.hpp"

#include "base/exception_text.hpp"
#include "base/log.hpp"
#include "net/blocking_lane.hpp"
#include "net/task_group.hpp"
#include "net/use_tuple.hpp"
#include "services/logs/rotated_file.hpp"
#include "services/logs/secrets.hpp"
#include "services/utc_text.hpp"
#include "store/data_directory.hpp"
#include "store/idempotency.hpp"
#include "store/outage_log.hpp"

#include <asio/steady_timer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds flush_every{1000};
constexpr milliseconds write_timeout{30'000};
constexpr milliseconds stop_timeout{5000};
constexpr std::size_t flush_bytes = std::size_t{256} << 10;    // flushed at once from this size on
constexpr std::size_t buffer_bytes_max = std::size_t{8} << 20; // lines beyond this are dropped

std::filesystem::path file_of(const service_options& settings) {
    return settings.data_dir / "logs" / fmt::format("logs.{}.jsonl", settings.slot);
}

void append_line(std::string& out, std::string_view params) {
    out += "{\"time\":\"";
    out += utc_text(store::utc_now_ms());
    out += "\",\"params\":";
    const auto begin = out.size();
    append_without_secrets(out, params.empty() ? "null" : params);
    // JSON has line breaks only between its tokens: in a string they are escaped.
    const auto is_break = [](char c) {
        return c == '\n' || c == '\r';
    };
    std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), is_break, ' ');
    out += "}\n";
}

class logs_service final : public service {
public:
    explicit logs_service(const service_context& context)
        : data_dir_{context.settings.data_dir},
          file_{file_of(context.settings)},
          outage_{"log file " + file_of(context.settings).string()},
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
        }};
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    asio::awaitable<result<void>> start() override {
        auto prepared = store::prepare_data_directory(data_dir_);
        if (prepared) {
            prepared = store::prepare_data_directory(data_dir_ / "logs");
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

private:
    asio::awaitable<reply> take(call asked) {
        if (buffer_.size() + asked.args.raw().size() > buffer_bytes_max) {
            ++lost_lines_;
        } else {
            append_line(buffer_, asked.args.raw());
            ++buffered_lines_;
        }
        if (buffer_.size() >= flush_bytes) {
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
            if (buffer_.size() < flush_bytes && !reopen_) {
                due_.expires_after(flush_every);
                [[maybe_unused]] const auto [woken] = co_await due_.async_wait(net::use_tuple);
            }
            co_await flush();
        }
        co_await flush();
    }

    asio::awaitable<void> flush() {
        if (buffer_.empty() && !reopen_) {
            co_return;
        }
        const auto lines = std::exchange(buffered_lines_, 0);
        auto write =
            [this, text = std::exchange(buffer_, {}), anew = std::exchange(reopen_, false)] {
                if (anew) {
                    file_.reopen();
                }
                return file_.append(text);
            };
        const auto written = co_await lane_.run(deadline::in(write_timeout), std::move(write));
        if (written) {
            outage_.answered();
            if (lost_lines_ > 0) {
                log::warning("{} log lines were dropped", std::exchange(lost_lines_, 0));
            }
        } else {
            lost_lines_ += lines;
            outage_.failed(written.error(), clock::now());
        }
    }

    const std::filesystem::path data_dir_;
    rotated_file file_; // used by the lane's thread
    store::outage_log outage_;
    std::vector<route> routes_;
    std::string buffer_;
    std::uint64_t buffered_lines_ = 0;
    std::uint64_t lost_lines_ = 0;
    bool reopen_ = false;
    bool stopping_ = false;
    asio::steady_timer due_; // cancelled to flush at once
    net::task_group tasks_;
    net::blocking_lane lane_; // last: its thread uses the file
};

} // namespace

std::unique_ptr<service> make_logs_service(const service_context& context) {
    return std::make_unique<logs_service>(context);
}

} // namespace msd::services
