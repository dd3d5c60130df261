// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rate_quota.hpp"
#include "services/logs/log_line.hpp"
#include "services/logs/rotated_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace msd::services {

// The lines of one source: their quota, the lines that wait to be written, and their files,
// DIRECTORY/SOURCE.SLOT.jsonl. Lines of different sources share nothing, so no source can use up
// what another one needs. The worker's thread calls everything but write().
class log_family {
public:
    log_family(
        log_source source,
        const std::filesystem::path& directory,
        int slot,
        const log_settings& settings
    );

    /// Takes one line, or drops and counts it when it exceeds the quota, or when as many bytes wait
    /// as the buffer may hold.
    void add(const sender& from, std::string_view params, time_point now);

    /// What write() has to write: the lines that wait, and a line that reports dropped ones when
    /// such a report is due, or with `last`.
    [[nodiscard]] std::string take(time_point now, bool last);
    /// Puts lines on the disk; called by the thread of a blocking lane. errc::unavailable.
    [[nodiscard]] result<void> write(std::string_view lines) { return file_.append(lines); }
    /// write() failed: these lines are lost.
    void count_lost(std::string_view lines);

    void reopen() { file_.reopen(); }
    [[nodiscard]] bool is_empty() const { return buffer_.empty(); }
    [[nodiscard]] bool is_full() const;
    [[nodiscard]] bool has_report() const { return quota_.has_refused() || lost_lines_ > 0; }
    [[nodiscard]] log_source source() const { return source_; }
    /// Lines that were dropped since the start.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_lines_; }

private:
    void report_dropped();

    log_source source_;
    std::size_t line_bytes_max_;
    milliseconds report_every_;
    core::rate_quota quota_;
    rotated_file file_;
    std::string buffer_;
    std::uint64_t lost_lines_ = 0; // since the last report, other than for the quota
    std::uint64_t dropped_lines_ = 0;
    time_point reported_at_ = time_point::min();
};

} // namespace msd::services
