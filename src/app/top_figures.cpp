// SPDX-License-Identifier: Apache-2.0
#include "app/top_figures.hpp"

#include "app/status_reading.hpp"
#include "core/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace msd::app {

namespace {

using buckets = std::vector<std::uint64_t>;

metrics_sample::series read_series(const json::object& from) {
    metrics_sample::series made;
    const json::object labels = object_of(from, "labels");
    for (const json::member& each : labels) {
        made.labels.emplace(each.name, each.val.as_string().value_or(""));
    }
    if (const json::value* const value = from.find("value")) {
        const auto number = value->as_int64().value_or(0);
        made.values.push_back(static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0)));
    }
    for (const json::value& each : elements_of(from, "buckets")) {
        made.values.push_back(each.as_uint64().value_or(0));
    }
    return made;
}

// What has been added since `before`.
buckets since(const buckets* before, const buckets& now) {
    buckets made = now;
    for (std::size_t index = 0; before != nullptr && index < made.size(); ++index) {
        const std::uint64_t then = index < before->size() ? (*before)[index] : 0;
        made[index] = made[index] >= then ? made[index] - then : made[index];
    }
    return made;
}

void add(buckets& to, const buckets& more) {
    to.resize(std::max(to.size(), more.size()));
    for (std::size_t index = 0; index < more.size(); ++index) {
        to[index] += more[index];
    }
}

// The end of the bucket that holds this share of the durations; of the last one, which has no end,
// its beginning.
std::chrono::microseconds percentile(const buckets& of, double share) {
    std::uint64_t all = 0;
    for (const std::uint64_t count : of) {
        all += count;
    }
    const auto rank = static_cast<std::uint64_t>(std::ceil(static_cast<double>(all) * share));
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < of.size() && all > 0; ++index) {
        seen += of[index];
        if (seen >= rank) {
            const auto& ends = core::duration_cells::ends;
            return ends.at(std::min(index, ends.size() - 1));
        }
    }
    return std::chrono::microseconds{0};
}

// Adds up rows by their names.
class collector {
public:
    collector(const metrics_sample& before, const metrics_sample& now)
        : before_{before},
          now_{now},
          seconds_{
              std::max(std::chrono::duration<double>{now.at() - before.at()}.count(), shortest_s)} {
    }

    [[nodiscard]] double rate(const metrics_sample::series& of, std::string_view metric) const {
        return static_cast<double>(count(of, metric)) / seconds_;
    }
    [[nodiscard]] std::uint64_t
    count(const metrics_sample::series& of, std::string_view metric) const {
        const buckets added = since(before_.find(metric, of), of.values);
        return added.empty() ? 0 : added.front();
    }
    [[nodiscard]] buckets
    durations(const metrics_sample::series& of, std::string_view metric) const {
        return since(before_.find(metric, of), of.values);
    }
    [[nodiscard]] const std::vector<metrics_sample::series>& now(std::string_view metric) const {
        return now_.of(metric);
    }

private:
    static constexpr double shortest_s = 0.001;

    const metrics_sample& before_;
    const metrics_sample& now_;
    double seconds_;
};

using row_key = std::pair<std::string, std::string>; // name and instance

struct row {
    traffic what;
    buckets durations;
};

using row_map = std::map<row_key, row>;

row& row_at(row_map& in, const std::string& name, const std::string& instance = {}) {
    row& found = in[{name, instance}];
    found.what.name = name;
    found.what.instance = instance;
    return found;
}

std::vector<traffic> sorted(row_map& rows) {
    constexpr double middle = 0.5;
    constexpr double slowest = 0.99;
    std::vector<traffic> made;
    for (auto& [key, each] : rows) {
        each.what.p50 = percentile(each.durations, middle);
        each.what.p99 = percentile(each.durations, slowest);
        made.push_back(std::move(each.what));
    }
    std::ranges::stable_sort(made, [](const traffic& one, const traffic& other) {
        return one.requests_per_s > other.requests_per_s;
    });
    return made;
}

bool is_error_code(std::string_view code) {
    return code == "0" || code.starts_with('5');
}

bool is_error_outcome(std::string_view outcome) {
    return outcome != "success" && outcome != "client_error" && outcome != "client_left";
}

void collect_routes(const collector& from, top_figures& made) {
    row_map rows;
    for (const auto& each : from.now("msd_http_requests_total")) {
        const double rate = from.rate(each, "msd_http_requests_total");
        const bool is_error = is_error_code(each.label("code"));
        traffic& its = row_at(rows, each.label("route")).what;
        its.requests_per_s += rate;
        its.errors_per_s += is_error ? rate : 0;
        made.requests_per_s += rate;
        made.errors_per_s += is_error ? rate : 0;
    }
    for (const auto& each : from.now("msd_http_request_duration_seconds")) {
        add(row_at(rows, each.label("route")).durations,
            from.durations(each, "msd_http_request_duration_seconds"));
    }
    made.routes = sorted(rows);
}

// What the endpoints and their service have in common.
void collect_tries(const collector& from, row_map& services, row_map& instances) {
    for (const auto& each : from.now("msd_upstream_requests_total")) {
        const double rate = from.rate(each, "msd_upstream_requests_total");
        const bool is_error = is_error_outcome(each.label("outcome"));
        const std::string service = each.label("service");
        const std::string instance = each.label("instance");
        traffic& its = row_at(services, service).what;
        its.requests_per_s += rate;
        its.errors_per_s += is_error ? rate : 0;
        if (!instance.empty()) { // else none was reached
            traffic& of_instance = row_at(instances, service, instance).what;
            of_instance.requests_per_s += rate;
            of_instance.errors_per_s += is_error ? rate : 0;
        }
    }
    for (const auto& each : from.now("msd_upstream_try_duration_seconds")) {
        const buckets added = from.durations(each, "msd_upstream_try_duration_seconds");
        add(row_at(services, each.label("service")).durations, added);
        add(row_at(instances, each.label("service"), each.label("instance")).durations, added);
    }
    for (const auto& each : from.now("msd_upstream_requests_in_flight")) {
        row_at(instances, each.label("service"), each.label("instance")).what.in_flight =
            each.values.empty() ? 0 : each.values.front();
    }
    for (const auto& each : from.now("msd_outlier_ejected")) {
        const std::uint64_t is_out = each.values.empty() ? 0 : each.values.front();
        row_at(instances, each.label("service"), each.label("instance")).what.ejected = is_out;
        row_at(services, each.label("service")).what.ejected += is_out;
        row_at(services, each.label("service")).what.instances += 1;
    }
    for (const auto& each : from.now("msd_outlier_ejections_total")) {
        const std::uint64_t added = from.count(each, "msd_outlier_ejections_total");
        row_at(instances, each.label("service"), each.label("instance")).what.ejections += added;
        row_at(services, each.label("service")).what.ejections += added;
    }
}

void collect_services(const collector& from, top_figures& made) {
    row_map services;
    row_map instances;
    collect_tries(from, services, instances);
    for (const auto& each : from.now("msd_upstream_retries_total")) {
        const double rate = from.rate(each, "msd_upstream_retries_total");
        row_at(services, each.label("service")).what.retries_per_s += rate;
        made.retries_per_s += rate;
    }
    for (const auto& each : from.now("msd_bulkhead_running")) {
        row_at(services, each.label("service")).what.in_flight =
            each.values.empty() ? 0 : each.values.front();
    }
    std::map<std::string, std::uint64_t> worst; // breaker state by service
    for (const auto& each : from.now("msd_breaker_state")) {
        std::uint64_t& state = worst[each.label("service")];
        state = std::max(state, each.values.empty() ? 0 : each.values.front());
    }
    constexpr std::array<std::string_view, 3> names{{"closed", "half open", "open"}};
    for (const auto& [service, state] : worst) {
        row_at(services, service).what.breaker =
            names.at(std::min<std::uint64_t>(state, names.size() - 1));
    }
    made.services = sorted(services);
    made.instances = sorted(instances);
}

std::int64_t gauge(const metrics_sample& of, std::string_view name) {
    const auto& all = of.of(name);
    return all.empty() || all.front().values.empty()
               ? 0
               : static_cast<std::int64_t>(all.front().values.front());
}

// With one decimal: more say nothing.
double rounded(double rate) {
    constexpr double tenths = 10;
    return std::round(rate * tenths) / tenths;
}

void write(json::writer& out, const traffic& of, bool is_route) {
    out.begin_object().key(is_route ? "route" : "service").string(of.name);
    if (!of.instance.empty()) {
        out.key("instance").string(of.instance);
    }
    out.key("requests_per_s").real(rounded(of.requests_per_s));
    out.key("errors_per_s").real(rounded(of.errors_per_s));
    out.key("p50_us").integer(of.p50.count()).key("p99_us").integer(of.p99.count());
    if (!is_route) {
        out.key("in_flight").unsigned_integer(of.in_flight);
        out.key("ejected").unsigned_integer(of.ejected);
        out.key("ejections").unsigned_integer(of.ejections);
    }
    if (!is_route && of.instance.empty()) {
        out.key("retries_per_s").real(rounded(of.retries_per_s));
        out.key("breaker").string(of.breaker);
    }
    out.end_object();
}

} // namespace

std::string metrics_sample::series::label(std::string_view name) const {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string{} : found->second;
}

result<metrics_sample> metrics_sample::read(std::string_view json) {
    json::object fields;
    if (!fields.parse(json)) {
        return fail(errc::malformed, "the metrics cannot be read");
    }
    if (std::string why = text_of(fields, "error"); !why.empty()) {
        return fail(errc::malformed, std::move(why));
    }
    metrics_sample made;
    made.at_ = std::chrono::nanoseconds{number_of(fields, "at_ns")};
    for (const json::value& each : elements_of(fields, "series")) {
        json::object one;
        if (one.parse(each.text)) {
            made.all_[text_of(one, "name")].push_back(read_series(one));
        }
    }
    return made;
}

const std::vector<metrics_sample::series>& metrics_sample::of(std::string_view name) const {
    static const std::vector<series> none;
    const auto found = all_.find(name);
    return found == all_.end() ? none : found->second;
}

const std::vector<std::uint64_t>*
metrics_sample::find(std::string_view name, const series& same) const {
    const auto& all = of(name);
    const auto found = std::ranges::find_if(all, [&same](const series& each) {
        return each.labels == same.labels;
    });
    return found == all.end() ? nullptr : &found->values;
}

top_figures figures_between(const metrics_sample& before, const metrics_sample& now) {
    const collector from{before, now};
    top_figures made;
    made.interval = std::chrono::round<std::chrono::milliseconds>(now.at() - before.at());
    made.in_flight = gauge(now, "msd_http_requests_in_flight");
    made.connections = gauge(now, "msd_http_connections");
    for (const auto& each : now.of("msd_ratelimit_requests_total")) {
        if (each.label("outcome") == "refused") {
            made.limited_per_s += from.rate(each, "msd_ratelimit_requests_total");
        }
    }
    collect_routes(from, made);
    collect_services(from, made);
    return made;
}

std::string json_of(const top_figures& figures) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("interval_ms").integer(figures.interval.count());
    out.key("requests_per_s").real(rounded(figures.requests_per_s));
    out.key("errors_per_s").real(rounded(figures.errors_per_s));
    out.key("retries_per_s").real(rounded(figures.retries_per_s));
    out.key("limited_per_s").real(rounded(figures.limited_per_s));
    out.key("in_flight").integer(figures.in_flight);
    out.key("connections").integer(figures.connections);
    const auto write_all = [&out](std::string_view name, const std::vector<traffic>& rows) {
        out.key(name).begin_array();
        for (const traffic& each : rows) {
            write(out, each, name == "routes");
        }
        out.end_array();
    };
    write_all("routes", figures.routes);
    write_all("services", figures.services);
    write_all("instances", figures.instances);
    out.end_object();
    return text;
}

} // namespace msd::app
