// SPDX-License-Identifier: Apache-2.0
#include "services/logs/log_family.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::services {

namespace {

constexpr std::size_t flush_bytes = std::size_t{256} << 10;    // flushed at once from this size on
constexpr std::size_t buffer_bytes_max = std::size_t{4} << 20; // lines beyond this are dropped

const log_quota& quota_of(const log_settings& settings, log_source source) {
    switch (source) {
    case log_source::client:
        return settings.client;
    case log_source::node:
        return settings.node;
    case log_source::msd:
        break;
    }
    return settings.msd;
}

core::rate_quota::limits limits_of(const log_quota& chosen) {
    core::rate_quota::limits out;
    out.total_per_s = chosen.bytes_per_s;
    out.each_per_s = chosen.address_bytes_per_s;
    return out;
}

rotated_file::limits files_of(const log_quota& chosen, std::filesystem::path older) {
    return {chosen.file_bytes_max, chosen.files_max, std::move(older)};
}

std::string file_name(std::string_view family, int slot) {
    return fmt::format("{}.{}.jsonl", family, slot);
}

} // namespace

log_family::log_family(
    log_source source,
    const std::filesystem::path& directory,
    int slot,
    const log_settings& settings
)
    : source_{source},
      line_bytes_max_{settings.line_bytes_max},
      report_every_{settings.report_every},
      quota_{limits_of(quota_of(settings, source))},
      file_{
          directory / file_name(name_of(source), slot),
          files_of(quota_of(settings, source), directory / file_name("logs", slot))} {}

void log_family::add(const sender& from, std::string_view params, time_point now) {
    if (!quota_.take(address_of(from), params.size(), now)) {
        ++dropped_lines_;
    } else if (buffer_.size() > buffer_bytes_max) {
        ++dropped_lines_;
        ++lost_lines_;
    } else {
        append_log_line(buffer_, from, params, line_bytes_max_);
    }
}

bool log_family::is_full() const {
    return buffer_.size() >= flush_bytes;
}

std::string log_family::take(time_point now, bool last) {
    const bool is_due =
        reported_at_ == time_point::min() || now - reported_at_ >= report_every_ || last;
    if (has_report() && is_due) {
        reported_at_ = now;
        report_dropped();
    }
    return std::exchange(buffer_, {});
}

void log_family::report_dropped() {
    const auto refused = quota_.take_refusals();
    const auto lost = std::exchange(lost_lines_, 0);
    if (refused.lines > 0) {
        log::warning(
            "{} log lines ({} bytes) of source {} exceeded logs.{}_address_bytes_per_s or "
            "logs.{}_bytes_per_s and were dropped, most of them from {}",
            refused.lines,
            refused.bytes,
            name_of(source_),
            name_of(source_),
            name_of(source_),
            refused.most_from.empty() ? "many addresses" : refused.most_from
        );
    }
    if (lost > 0) {
        log::warning("{} log lines were dropped", lost);
    }
    const auto lines = refused.lines + lost;
    append_dropped_line(buffer_, source_, lines, refused.bytes, refused.most_from);
}

void log_family::count_lost(std::string_view lines) {
    const auto count = static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
    lost_lines_ += count;
    dropped_lines_ += count;
}

} // namespace msd::services
