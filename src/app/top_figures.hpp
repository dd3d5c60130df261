// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// The figures of `msd top`: what has happened between two looks at the metrics of an instance.
namespace msd::app {

// The metrics of an instance at one moment (core::metrics_json).
class metrics_sample {
public:
    struct series {
        std::map<std::string, std::string, std::less<>> labels;
        std::vector<std::uint64_t> values; // one, or the buckets of a histogram

        [[nodiscard]] std::string label(std::string_view name) const;
    };

    /// errc::malformed: it is no such JSON; with the text of an "error" member when it has one.
    [[nodiscard]] static result<metrics_sample> read(std::string_view json);

    [[nodiscard]] std::chrono::nanoseconds at() const { return at_; }
    /// Of the metric with this name.
    [[nodiscard]] const std::vector<series>& of(std::string_view name) const;
    /// The values of the series with these labels; empty: there is none.
    [[nodiscard]] const std::vector<std::uint64_t>*
    find(std::string_view name, const series& same) const;

private:
    std::chrono::nanoseconds at_{0};
    std::map<std::string, std::vector<series>, std::less<>> all_;
};

// One row: a route, a service or an instance.
struct traffic {
    std::string name;     // of the route or the service
    std::string instance; // its address; of instances only
    double requests_per_s = 0;
    double errors_per_s = 0; // 5xx and requests without a reply
    double retries_per_s = 0;
    // Upper ends of the buckets that hold them; 0: nothing was measured.
    std::chrono::microseconds p50{0};
    std::chrono::microseconds p99{0};
    std::uint64_t in_flight = 0; // now
    std::uint64_t ejected = 0;   // instances, now
    std::uint64_t instances = 0; // that got requests or are ejected
    std::uint64_t ejections = 0; // in the interval
    std::string breaker;         // the worst of its routes: closed, half open, open; empty: none
};

struct top_figures {
    std::chrono::milliseconds interval{0};
    double requests_per_s = 0;
    double errors_per_s = 0;
    double retries_per_s = 0;
    double limited_per_s = 0; // refused by a limit of requests
    std::int64_t in_flight = 0;
    std::int64_t connections = 0;
    // Those with the most requests first.
    std::vector<traffic> routes;
    std::vector<traffic> services;
    std::vector<traffic> instances;
};

/// `before` was taken before `now`. A counter that is smaller now began anew.
[[nodiscard]] top_figures figures_between(const metrics_sample& before, const metrics_sample& now);

/// One line of JSON, see msd(8).
[[nodiscard]] std::string json_of(const top_figures& figures);

} // namespace msd::app
