// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include "base/json.hpp"
#include "base/line_writer.hpp"
#include "base/log_destination.hpp"
#include "base/masking.hpp"
#include "base/printable.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <system_error>

namespace msd::log {

namespace {

constexpr std::size_t message_bytes_max = 1 << 14; // longer messages are cut

constexpr std::array<std::string_view, 6>
    level_names{"trace", "debug", "info", "warning", "error", "off"};

std::string_view name_of(level severity) {
    return level_names.at(static_cast<std::size_t>(severity));
}

// spdlog passes finished lines to this sink and decides nothing. The sink stores why the last line
// could not be written.
class line_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    explicit line_sink(line_writer to) : writer_{std::move(to)} {}

    /// 0, or why the last line was not written.
    [[nodiscard]] int failure() const { return failure_; }
    [[nodiscard]] int descriptor() const { return writer_.descriptor(); }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        failure_ = writer_.write({text.data(), text.size()});
    }

    void flush_() override {}

private:
    line_writer writer_;
    int failure_ = 0;
};

// Where lines are written, and why the last one could not be written.
class output {
public:
    explicit output(line_writer to)
        : sink_{std::make_shared<line_sink>(std::move(to))},
          logger_{"msd", sink_},
          is_journal_{msd::log::is_journal(sink_->descriptor())} {
        logger_.set_pattern("%v");
        logger_.set_level(spdlog::level::trace);
        logger_.set_error_handler([](const std::string&) {});
    }

    [[nodiscard]] bool is_journal() const { return is_journal_; }

    /// 0, or why it was not written.
    [[nodiscard]] int write(std::string_view line) {
        logger_.log(spdlog::level::info, line);
        return sink_->failure();
    }

private:
    std::shared_ptr<line_sink> sink_;
    spdlog::logger logger_;
    bool is_journal_;
};

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) {
        return {};
    }
    return name.data();
}

struct process_log {
    std::mutex guard; // the accept thread and the blocking lane log too
    settings chosen;
    output to{line_writer{STDERR_FILENO}};
    std::atomic<std::uint64_t> unwritten = 0; // lines since the last that could be written
    int failure = 0;                          // why the last of them was not
    std::shared_ptr<const std::function<void(std::string_view)>> ship;
    std::string host = host_name();
    std::atomic<level> threshold = level::info;
};

process_log& the_log() {
    static process_log instance;
    return instance;
}

std::string timestamp() {
    using namespace std::chrono;
    const auto now = system_clock::now().time_since_epoch();
    const std::time_t second = duration_cast<seconds>(now).count();
    const auto milli = duration_cast<milliseconds>(now).count() % 1000;
    std::tm utc{};
    ::gmtime_r(&second, &utc);
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        utc.tm_year + 1900,
        utc.tm_mon + 1,
        utc.tm_mday,
        utc.tm_hour,
        utc.tm_min,
        utc.tm_sec,
        milli
    );
}

// sd-daemon(3); the numbers are syslog's.
std::string_view journal_prefix(level severity) {
    switch (severity) {
    case level::error:
        return "<3>";
    case level::warning:
        return "<4>";
    case level::info:
        return "<6>";
    default:
        return "<7>";
    }
}

// `time` is empty for the journal, which records the time itself.
std::string
text_line(const settings& chosen, level severity, std::string_view message, std::string_view time) {
    std::string line = fmt::format("{}{}{} ", time, time.empty() ? "" : " ", name_of(severity));
    if (!chosen.role.empty()) {
        line += chosen.role;
        if (chosen.slot >= 0) {
            line += fmt::format("[{}]", chosen.slot);
        }
        line += ' ';
    }
    line += fmt::format("{} {}", ::getpid(), printable(message));
    return line;
}

// `time` and `host` are left out when they are empty.
std::string json_line(
    const settings& chosen,
    level severity,
    std::string_view message,
    std::string_view time,
    std::string_view host = {}
) {
    std::string line;
    json::writer out{line};
    out.begin_object();
    if (!time.empty()) {
        out.key("time").string(time);
    }
    out.key("level").string(name_of(severity));
    out.key("role").string(chosen.role);
    if (chosen.slot >= 0) {
        out.key("slot").integer(chosen.slot);
    }
    out.key("pid").integer(::getpid());
    if (!host.empty()) {
        out.key("host").string(host);
    }
    out.key("message").string(message).end_object();
    return printable_json(line);
}

std::string line_of(const process_log& log, level severity, std::string_view message) {
    const bool is_journal = log.to.is_journal();
    const std::string time = is_journal ? "" : timestamp();
    const std::string_view prefix = is_journal ? journal_prefix(severity) : "";
    const std::string line = log.chosen.style == format::json
                                 ? json_line(log.chosen, severity, message, time)
                                 : text_line(log.chosen, severity, message, time);
    return fmt::format("{}{}", prefix, line);
}

// False: writing still does not work. The guard is held.
bool report_unwritten(process_log& log) {
    const std::uint64_t count = log.unwritten.load(std::memory_order_relaxed);
    if (count == 0) {
        return true;
    }
    const bool is_slow = log.failure == EAGAIN;
    const std::string why =
        is_slow ? "their reader was too slow" : std::generic_category().message(log.failure);
    const std::string text = fmt::format("{} log lines were dropped: {}", count, why);
    if (const int failure = log.to.write(line_of(log, level::warning, text)); failure != 0) {
        log.failure = failure;
        return false;
    }
    log.unwritten = 0;
    return true;
}

} // namespace

result<void> configure(const settings& chosen) {
    auto writer = open_writer(chosen.file);
    if (!writer) {
        return tl::unexpected{std::move(writer.error())};
    }
    process_log& log = the_log();
    const std::lock_guard lock{log.guard};
    log.chosen = chosen;
    log.threshold = chosen.threshold;
    log.to = output{std::move(*writer)};
    return {};
}

void reopen() {
    process_log& log = the_log();
    std::string problem;
    {
        const std::lock_guard lock{log.guard};
        if (standard_stream(log.chosen.file)) {
            return;
        }
        if (auto writer = open_writer(log.chosen.file)) {
            log.to = output{std::move(*writer)};
        } else {
            problem = std::move(writer.error().text);
        }
    }
    if (!problem.empty()) {
        error("{}; logging continues to the old file", problem);
    }
}

void retry() {
    process_log& log = the_log();
    if (log.unwritten.load(std::memory_order_relaxed) != 0) {
        const std::lock_guard lock{log.guard};
        report_unwritten(log);
    }
}

void write_error(std::string_view text) {
    std::string lines = printable_lines(text);
    if (!lines.ends_with('\n')) {
        lines += '\n';
    }
    if (is_journal(STDERR_FILENO)) {
        lines.insert(0, journal_prefix(level::error));
        for (auto end = lines.find('\n'); end + 1 < lines.size();) {
            lines.insert(end + 1, journal_prefix(level::error));
            end = lines.find('\n', end + 1);
        }
    }
    std::fputs(lines.c_str(), stderr);
}

void complain(std::string_view text) {
    write_error(fmt::format("msd: {}", printable(text)));
}

bool enabled(level wanted) {
    return wanted != level::off && wanted >= the_log().threshold.load(std::memory_order_relaxed);
}

void write(level severity, std::string_view text) {
    if (!enabled(severity)) {
        return;
    }
    process_log& log = the_log();
    const std::string message = masked(cut_text(text, message_bytes_max));
    std::shared_ptr<const std::function<void(std::string_view)>> ship;
    std::string shipped;
    {
        const std::lock_guard lock{log.guard};
        const int failure =
            report_unwritten(log) ? log.to.write(line_of(log, severity, message)) : log.failure;
        if (failure != 0) {
            log.failure = failure;
            ++log.unwritten;
        }
        if (log.ship && severity >= level::info) {
            ship = log.ship;
            shipped = json_line(log.chosen, severity, message, timestamp(), log.host);
        }
    }
    if (ship) {
        (*ship)(shipped);
    }
}

void set_shipper(std::function<void(std::string_view json_line)> ship) {
    process_log& log = the_log();
    const std::lock_guard lock{log.guard};
    log.ship.reset();
    if (ship) {
        log.ship = std::make_shared<const std::function<void(std::string_view)>>(std::move(ship));
    }
}

bool parse_level(std::string_view name, level& out) {
    const auto* const found = std::find(level_names.begin(), level_names.end(), name);
    if (found == level_names.end()) {
        return false;
    }
    out = static_cast<level>(found - level_names.begin());
    return true;
}

} // namespace msd::log
