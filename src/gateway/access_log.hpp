// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/line_writer.hpp"
#include "base/result.hpp"
#include "wire/http_request_parser.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// One line for each request that the gateway has answered or given up, to a file or to standard
// output. Each line is written at once, with one system call, and never waits for its reader: a
// line for which there is no room is dropped and counted, and msd's own log reports the count. The
// workers share the file.
namespace msd::gateway {

struct exchange_record;

struct access_log_settings {
    std::string format = "off"; // "off", "combined" or "json"
    std::string file;           // empty: standard output
};

// One exchange that has ended.
struct access_entry {
    const exchange_record& record;
    const wire::http_request& request;
    std::string_view client;     // its address, as trusted proxies say
    std::string_view request_id; // X-Request-Id
    std::string_view route;      // its name; empty: no route was found
    std::string_view service;    // empty: the gateway replied itself
    std::uint64_t bytes_in = 0;  // with heads and framing
    std::uint64_t bytes_out = 0; // the same
    time_point ended;
};

/// At most so many bytes of each text of a request are logged.
inline constexpr std::size_t access_text_bytes_max = 2048;

/// The line of the format `combined` of Apache and nginx. The size is bytes_out, and the status is
/// "-" when no reply was sent. `begun` is when the request arrived. Values of secret names in
/// queries are ***, and so are users and passwords in URLs; quotes, backslashes and unprintable
/// characters are escaped.
[[nodiscard]] std::string
combined_line(const access_entry& entry, std::chrono::system_clock::time_point begun);

/// The same as a line of JSON. Times of stages are microseconds since the request arrived:
/// t_connect_us, t_ttfb_us (the service's head), t_total_us. Members without a value are left out.
[[nodiscard]] std::string
json_line(const access_entry& entry, std::chrono::system_clock::time_point begun);

class access_log {
public:
    /// Applies the settings; the file is created with mode 0600 (base/log_destination.hpp).
    /// errc::unavailable: it cannot be opened; errc::invalid: the format is unknown. After an error
    /// the former settings hold.
    [[nodiscard]] result<void> configure(const access_log_settings& chosen);

    [[nodiscard]] bool is_on() const { return format_ != format::off; }
    /// Does nothing when the log is off.
    void write(const access_entry& entry);

    /// Opens the file by its path again (after rotation by another program). When that fails, logs
    /// the reason and continues with the old file.
    void reopen();

private:
    enum class format : std::uint8_t { off, combined, json };

    void report_dropped(time_point now);

    format format_ = format::off;
    std::string file_;
    std::optional<line_writer> out_; // while the log is on
    std::uint64_t dropped_ = 0;      // lines since the last report
    int failure_ = 0;                // why the last of them was
    time_point report_next_ = time_point::min();
};

} // namespace msd::gateway
