// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/metrics.hpp"
#include "core/scoreboard.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The metrics of all workers of an instance, added up, and their text for Prometheus.
namespace msd::core {

// A series: the sums of what all workers have counted. Counters include workers that have ended,
// gauges only those that run.
struct metric_series {
    const metric_family* family = nullptr; // of metric_families()
    std::vector<std::string> labels;       // the values, printable; as many as the family has
    std::array<std::uint64_t, duration_cells::cells> values{}; // see cells_of()

    [[nodiscard]] std::uint64_t value() const { return values.front(); }
};

/// In the order of metric_families(), then of the labels. Whatever the memory contains, it reads at
/// most metric_names::series_max series; those that this program does not know are left out.
[[nodiscard]] std::vector<metric_series> read_metrics(const scoreboard& board, time_point now);

/// As one JSON object: {"at_ns":…,"series":[{"name":…,"labels":{…},"value":…},…]}. Histograms have
/// "buckets" in the order of duration_cells::ends, with "sum_ns", in the place of "value". `now` is
/// of the steady clock.
[[nodiscard]] std::string metrics_json(const std::vector<metric_series>& all, time_point now);

/// In the text format of Prometheus, version 0.0.4.
[[nodiscard]] std::string metrics_text(const std::vector<metric_series>& all);

} // namespace msd::core
