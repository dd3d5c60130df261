// SPDX-License-Identifier: Apache-2.0
#include "gateway/access_log.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/log_destination.hpp"
#include "base/masking.hpp"
#include "base/printable.hpp"
#include "gateway/backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <iterator>
#include <system_error>
#include <utility>

namespace msd::gateway {

namespace {

using std::chrono::system_clock;

constexpr std::chrono::seconds report_every{10}; // that lines were dropped

// Masks "user:password" in http://user:password@host/.
void mask_users(std::string& text) {
    constexpr std::string_view before = "://";
    std::size_t at = text.find(before);
    while (at != std::string::npos) {
        at += before.size();
        const std::size_t end = std::min(text.find_first_of("/?# ", at), text.size());
        const std::size_t user = std::string_view{text}.substr(at, end - at).rfind('@');
        if (user != std::string_view::npos) {
            text.replace(at, user, secret_mask);
        }
        at = text.find(before, at);
    }
}

// The text of a request as it is logged.
std::string shown(std::string_view text) {
    const std::string_view cut = cut_text(text, access_text_bytes_max);
    // Without these there is no name with a value, and searching for one takes longer.
    constexpr std::string_view marks = "=:%\\";
    if (cut.find_first_of(marks) == std::string_view::npos) {
        return std::string{cut};
    }
    std::string out = masked(cut);
    mask_users(out);
    return out;
}

std::string_view header_of(const access_entry& entry, std::string_view name) {
    const std::string_view* const found = entry.request.header(name);
    return found == nullptr ? std::string_view{} : *found;
}

// `text` between quotes.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    if (text.empty()) {
        out += '-';
    }
    std::string escaped;
    for (const char c : shown(text)) {
        if (c == '"' || c == '\\') {
            escaped += '\\';
        }
        escaped += c;
    }
    out += has_unprintable(escaped) ? printable(escaped) : escaped;
    out += '"';
}

std::tm utc_of(system_clock::time_point moment) {
    const std::time_t seconds = system_clock::to_time_t(moment);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    return utc;
}

// "2026-11-29T18:11:49.123456Z"
std::string iso_time(system_clock::time_point moment) {
    using std::chrono::microseconds;
    const std::tm utc = utc_of(moment);
    const auto since = std::chrono::floor<microseconds>(moment.time_since_epoch());
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        utc.tm_year + 1900,
        utc.tm_mon + 1,
        utc.tm_mday,
        utc.tm_hour,
        utc.tm_min,
        utc.tm_sec,
        (since - std::chrono::floor<std::chrono::seconds>(since)).count()
    );
}

// Writes the members of one object; texts and times that have no value are left out.
class members {
public:
    explicit members(std::string& line) : out_{line} { out_.begin_object(); }

    void text(std::string_view name, std::string_view value) {
        if (!value.empty()) {
            out_.key(name).string(value);
        }
    }
    void number(std::string_view name, std::uint64_t value) {
        out_.key(name).unsigned_integer(value);
    }
    // The time from the beginning of the exchange to `at`.
    void time(std::string_view name, const exchange_record& record, time_point at) {
        if (at >= record.begun) {
            const auto span = std::chrono::floor<std::chrono::microseconds>(at - record.begun);
            number(name, static_cast<std::uint64_t>(span.count()));
        }
    }
    void end() { out_.end_object(); }

private:
    json::writer out_;
};

} // namespace

std::string combined_line(const access_entry& entry, system_clock::time_point begun) {
    constexpr std::array<std::string_view, 12>
        months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::tm utc = utc_of(begun);
    std::string line = fmt::format(
        "{} - - [{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000] ",
        entry.client.empty() ? "-" : entry.client,
        utc.tm_mday,
        months.at(static_cast<std::size_t>(utc.tm_mon)),
        utc.tm_year + 1900,
        utc.tm_hour,
        utc.tm_min,
        utc.tm_sec
    );
    const wire::http_request& request = entry.request;
    append_quoted(
        line,
        request.method.empty()
            ? std::string{}
            : fmt::format("{} {} HTTP/1.{}", request.method, request.target, request.minor_version)
    );
    const auto end = std::back_inserter(line);
    if (entry.record.status == 0) {
        fmt::format_to(end, " - {} ", entry.bytes_out);
    } else {
        fmt::format_to(end, " {} {} ", entry.record.status, entry.bytes_out);
    }
    append_quoted(line, header_of(entry, "referer"));
    line += ' ';
    append_quoted(line, header_of(entry, "user-agent"));
    line += '\n';
    return line;
}

std::string json_line(const access_entry& entry, system_clock::time_point begun) {
    const wire::http_request& request = entry.request;
    const exchange_record& record = entry.record;
    std::string line;
    members out{line};
    out.text("time", iso_time(begun));
    out.text("client", entry.client);
    out.text("method", request.method);
    out.text("target", shown(request.target));
    if (!request.method.empty()) {
        out.text("protocol", request.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
    }
    out.text("host", shown(header_of(entry, "host")));
    out.number("status", static_cast<std::uint64_t>(record.status));
    out.number("bytes_in", entry.bytes_in);
    out.number("bytes_out", entry.bytes_out);
    out.text("route", entry.route);
    out.text("service", entry.service);
    out.text("endpoint", record.endpoint);
    out.number("attempts", static_cast<std::uint64_t>(record.attempts));
    out.time("t_connect_us", record, record.connected);
    out.time("t_ttfb_us", record, record.first_byte);
    out.time("t_total_us", record, entry.ended);
    out.text("flags", record.flags.text());
    out.text("timeout", record.timeout == nullptr ? std::string_view{} : record.timeout);
    out.text("request_id", entry.request_id);
    out.text("referer", shown(header_of(entry, "referer")));
    out.text("user_agent", shown(header_of(entry, "user-agent")));
    out.text("fallback", record.fallback == nullptr ? std::string_view{} : record.fallback);
    out.text("cut", record.cut == nullptr ? std::string_view{} : record.cut);
    out.end();
    if (has_unprintable(line)) {
        line = printable_json(line);
    }
    line += '\n';
    return line;
}

result<void> access_log::configure(const access_log_settings& chosen) {
    if (chosen.format != "off" && chosen.format != "combined" && chosen.format != "json") {
        return fail(errc::invalid, "gateway.access_log: write off, combined or json");
    }
    if (chosen.format == "off") {
        out_.reset();
        format_ = format::off;
        return {};
    }
    std::string file = chosen.file.empty() ? "/dev/stdout" : chosen.file;
    auto opened = log::open_writer(file);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    out_.emplace(std::move(*opened));
    file_ = std::move(file);
    format_ = chosen.format == "json" ? format::json : format::combined;
    return {};
}

void access_log::write(const access_entry& entry) {
    if (!is_on()) {
        return;
    }
    const auto begun =
        system_clock::now() -
        std::chrono::duration_cast<system_clock::duration>(clock::now() - entry.record.begun);
    const int failure = out_->write(
        format_ == format::json ? json_line(entry, begun) : combined_line(entry, begun)
    );
    if (failure != 0) {
        failure_ = failure;
        ++dropped_;
    }
    if (dropped_ != 0) {
        report_dropped(clock::now());
    }
}

void access_log::report_dropped(time_point now) {
    if (now < report_next_) {
        return;
    }
    const std::string why =
        failure_ == EAGAIN ? "its reader is too slow" : std::generic_category().message(failure_);
    log::warning("lines of the access log were dropped: {}: {}", dropped_, why);
    dropped_ = 0;
    report_next_ = now + report_every;
}

void access_log::reopen() {
    if (!is_on() || log::standard_stream(file_)) {
        return;
    }
    if (auto opened = log::open_writer(file_)) {
        out_.emplace(std::move(*opened));
    } else {
        log::error("{}; the access log continues in the old file", opened.error().text);
    }
}

} // namespace msd::gateway
