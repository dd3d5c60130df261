// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/unique_fd.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>

namespace msd::log {

namespace {

constexpr std::size_t message_bytes_max = 1 << 14; // what is longer is cut

constexpr std::array<std::string_view, 6>
    level_names{"trace", "debug", "info", "warning", "error", "off"};

std::string_view name_of(level severity) {
    return level_names.at(static_cast<std::size_t>(severity));
}

// One write per line: several processes append to one file, and no line is in a buffer when its
// process ends. A full disk must not end the worker, and there is nowhere left to say so.
class line_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    /// Without a file: standard error.
    explicit line_sink(unique_fd file) : file_{std::move(file)} {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        const char* at = text.data();
        const char* const end = at + text.size();
        while (at != end) {
            const ssize_t written = ::write(
                file_ ? file_.get() : STDERR_FILENO,
                at,
                static_cast<std::size_t>(end - at)
            );
            if (written < 0 && errno != EINTR) {
                return;
            }
            at += std::max<ssize_t>(written, 0);
        }
    }

    void flush_() override {}

private:
    unique_fd file_;
};

// Readable by its owner alone: what people send to services may be in it.
result<unique_fd> open_file(const std::string& path) {
    constexpr mode_t mode = 0600;
    unique_fd file{
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, mode)};
    if (file) {
        return file;
    }
    const int reason = errno;
    const std::filesystem::path directory = std::filesystem::path{path}.parent_path();
    std::error_code ignored;
    const bool is_missing =
        reason == ENOENT && !directory.empty() && !std::filesystem::exists(directory, ignored);
    return fail(
        errc::unavailable,
        is_missing
            ? fmt::format(
                  "cannot log to {}: there is no directory {}; create it first",
                  path,
                  directory.native()
              )
            : fmt::format("cannot log to {}: {}", path, std::generic_category().message(reason))
    );
}

// spdlog only carries finished lines to their sink; it takes part in no decision.
std::unique_ptr<spdlog::logger> make_logger(unique_fd file) {
    auto logger =
        std::make_unique<spdlog::logger>("msd", std::make_shared<line_sink>(std::move(file)));
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->set_error_handler([](const std::string&) {});
    return logger;
}

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
    std::unique_ptr<spdlog::logger> logger = make_logger(unique_fd{});
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

std::string_view cut(std::string_view text) {
    if (text.size() <= message_bytes_max) {
        return text;
    }
    std::size_t end = message_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return text.substr(0, end);
}

std::string text_line(const settings& chosen, level severity, std::string_view message) {
    std::string line = fmt::format("{} {} ", timestamp(), name_of(severity));
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

// `host` empty: left out.
std::string
json_line(const settings& chosen, level severity, std::string_view message, std::string_view host) {
    std::string line;
    json::writer out{line};
    out.begin_object().key("time").string(timestamp()).key("level").string(name_of(severity));
    out.key("role").string(chosen.role);
    if (chosen.slot >= 0) {
        out.key("slot").integer(chosen.slot);
    }
    out.key("pid").integer(::getpid());
    if (!host.empty()) {
        out.key("host").string(host);
    }
    out.key("message").string(message).end_object();
    return line;
}

} // namespace

result<void> configure(const settings& chosen) {
    unique_fd file;
    if (!chosen.file.empty()) {
        auto opened = open_file(chosen.file);
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        file = std::move(*opened);
    }
    process_log& log = the_log();
    const std::lock_guard lock{log.guard};
    log.chosen = chosen;
    log.threshold = chosen.threshold;
    log.logger = make_logger(std::move(file));
    return {};
}

void reopen() {
    process_log& log = the_log();
    std::string problem;
    {
        const std::lock_guard lock{log.guard};
        if (log.chosen.file.empty()) {
            return;
        }
        if (auto file = open_file(log.chosen.file)) {
            log.logger = make_logger(std::move(*file));
        } else {
            problem = std::move(file.error().text);
        }
    }
    if (!problem.empty()) {
        error("{}; lines go on to where they went", problem);
    }
}

bool enabled(level wanted) {
    return wanted != level::off && wanted >= the_log().threshold.load(std::memory_order_relaxed);
}

void write(level severity, std::string_view text) {
    if (!enabled(severity)) {
        return;
    }
    process_log& log = the_log();
    const std::string_view message = cut(text);
    std::shared_ptr<const std::function<void(std::string_view)>> ship;
    std::string shipped;
    {
        const std::lock_guard lock{log.guard};
        log.logger->log(
            spdlog::level::info,
            "{}",
            log.chosen.style == format::json ? json_line(log.chosen, severity, message, {})
                                             : text_line(log.chosen, severity, message)
        );
        if (log.ship && severity >= level::info) {
            ship = log.ship;
            shipped = json_line(log.chosen, severity, message, log.host);
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
