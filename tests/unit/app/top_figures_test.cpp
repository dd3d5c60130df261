// SPDX-License-Identifier: Apache-2.0
#include "app/top_figures.hpp"
#include "app/top_text.hpp"
#include "base/json.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::app {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// The JSON of a sample.
class sample_text {
public:
    explicit sample_text(int second)
        : text_{fmt::format(R"({{"at_ns":{}000000000,"series":[)", second)} {}

    sample_text& add(const std::string& name, const std::string& labels, std::int64_t value) {
        return put(fmt::format(R"({{"name":"{}","labels":{},"value":{}}})", name, labels, value));
    }
    // Durations of one bucket.
    sample_text&
    add(const std::string& name, const std::string& labels, std::size_t bucket, int count) {
        std::string buckets;
        for (std::size_t index = 0; index < 15; ++index) {
            buckets += (index == 0 ? "" : ",") + std::to_string(index == bucket ? count : 0);
        }
        return put(fmt::format(
            R"({{"name":"{}","labels":{},"buckets":[{}],"sum_ns":0}})",
            name,
            labels,
            buckets
        ));
    }
    [[nodiscard]] metrics_sample read() const {
        auto made = metrics_sample::read(text_ + "]}");
        EXPECT_TRUE(made) << made.error().text;
        return std::move(*made);
    }

private:
    sample_text& put(const std::string& series) {
        text_ += (text_.ends_with('[') ? "" : ",") + series;
        return *this;
    }

    std::string text_;
};

constexpr const char* requests = "msd_http_requests_total";
constexpr const char* upstream = "msd_upstream_requests_total";

TEST(top_figures, are_rates_of_the_interval) {
    sample_text before{10};
    before.add(requests, R"({"route":"/a","code":"200"})", 100);
    before.add(requests, R"({"route":"/b","code":"200"})", 1000);
    before.add("msd_http_request_duration_seconds", R"({"route":"/a"})", 13, 100);
    sample_text after{12};
    after.add(requests, R"({"route":"/a","code":"200"})", 300);
    after.add(requests, R"({"route":"/a","code":"503"})", 4);
    after.add(requests, R"({"route":"/a","code":"0"})", 2);
    after.add(requests, R"({"route":"/b","code":"200"})", 6); // began anew
    after.add("msd_http_request_duration_seconds", R"({"route":"/a"})", 2, 50);
    after.add("msd_http_requests_in_flight", "{}", 7);
    after.add("msd_http_connections", "{}", -1);
    const top_figures made = figures_between(before.read(), after.read());
    EXPECT_EQ(made.interval, milliseconds{2000});
    ASSERT_EQ(made.routes.size(), 2U);
    EXPECT_EQ(made.routes[0].name, "/a");
    EXPECT_DOUBLE_EQ(made.routes[0].requests_per_s, 103);
    EXPECT_DOUBLE_EQ(made.routes[0].errors_per_s, 3);
    EXPECT_EQ(made.routes[0].p50, microseconds{2500}) << "of the interval only";
    EXPECT_EQ(made.routes[0].p99, microseconds{2500});
    EXPECT_DOUBLE_EQ(made.routes[1].requests_per_s, 3);
    EXPECT_EQ(made.routes[1].p99, microseconds{0});
    EXPECT_DOUBLE_EQ(made.requests_per_s, 106);
    EXPECT_EQ(made.in_flight, 7);
    EXPECT_EQ(made.connections, 0);
}

TEST(top_figures, show_services_with_their_instances_and_states) {
    const sample_text before{1};
    sample_text after{2};
    const auto of = [](const char* instance, const char* more) {
        return fmt::format(R"({{"service":"shop","instance":"{}"{}}})", instance, more);
    };
    after.add(upstream, of("a:1", R"(,"outcome":"success")"), 10);
    after.add(upstream, of("a:1", R"(,"outcome":"client_error")"), 2);
    after.add(upstream, of("b:1", R"(,"outcome":"timeout")"), 3);
    after.add(upstream, of("", R"(,"outcome":"no_instance")"), 1);
    after.add("msd_upstream_try_duration_seconds", of("a:1", ""), 1, 99);
    after.add("msd_upstream_try_duration_seconds", of("b:1", ""), 14, 1);
    after.add("msd_outlier_ejected", of("a:1", ""), 0);
    after.add("msd_outlier_ejected", of("b:1", ""), 1);
    after.add("msd_outlier_ejections_total", of("b:1", R"(,"reason":"consecutive_errors")"), 2);
    after.add("msd_upstream_retries_total", R"({"service":"shop","reason":"timeout"})", 5);
    after.add("msd_bulkhead_running", R"({"service":"shop"})", 6);
    after.add("msd_breaker_state", R"({"service":"shop","route":"/a"})", 0);
    after.add("msd_breaker_state", R"({"service":"shop","route":"/b"})", 2);
    const top_figures made = figures_between(before.read(), after.read());
    ASSERT_EQ(made.services.size(), 1U);
    const traffic& shop = made.services[0];
    EXPECT_DOUBLE_EQ(shop.requests_per_s, 16);
    EXPECT_DOUBLE_EQ(shop.errors_per_s, 4);
    EXPECT_DOUBLE_EQ(shop.retries_per_s, 5);
    EXPECT_EQ(shop.p50, milliseconds{1});
    EXPECT_EQ(shop.p99, milliseconds{1});
    EXPECT_EQ(shop.in_flight, 6U);
    EXPECT_EQ(shop.ejected, 1U);
    EXPECT_EQ(shop.instances, 2U);
    EXPECT_EQ(shop.breaker, "open");
    ASSERT_EQ(made.instances.size(), 2U);
    EXPECT_EQ(made.instances[1].instance, "b:1");
    EXPECT_EQ(made.instances[1].ejections, 2U);
    EXPECT_EQ(made.instances[1].p99, std::chrono::seconds{10});

    json::object fields;
    const std::string text = json_of(made);
    ASSERT_TRUE(fields.parse(text)) << text;
    EXPECT_NE(text.find(R"("service":"shop","instance":"b:1","requests_per_s":3)"), text.npos);
}

TEST(top_figures, of_an_answer_that_is_none_are_an_error) {
    EXPECT_FALSE(metrics_sample::read("[]"));
    EXPECT_EQ(metrics_sample::read(R"({"error":"why"})").error().text, "why");
    EXPECT_TRUE(metrics_sample::read(R"({"at_ns":1,"series":[1,{"name":2,"labels":[]}]})"));
}

TEST(top_text, divides_the_height_among_the_tables) {
    using counts = std::vector<std::size_t>;
    EXPECT_EQ(divide_rows({10, 10, 10}, 9), (counts{3, 3, 3}));
    EXPECT_EQ(divide_rows({1, 10, 3}, 9), (counts{1, 5, 3}));
    EXPECT_EQ(divide_rows({1, 1, 1}, 9), (counts{1, 1, 1}));
    EXPECT_EQ(divide_rows({5, 5, 5}, 0), (counts{0, 0, 0}));
}

TEST(top_text, fits_into_any_window) {
    top_figures figures;
    for (int number = 0; number < 50; ++number) {
        traffic each;
        each.name = fmt::format("/a route \x1b[31m {}", number);
        each.instance = "instance:1";
        figures.routes.push_back(each);
        figures.services.push_back(each);
        figures.instances.push_back(each);
    }
    for (std::size_t rows = 1; rows < 40; ++rows) {
        const auto lines = top_lines(figures, "about", {20, rows, false});
        EXPECT_LE(lines.size(), rows);
        for (const std::string& line : lines) {
            EXPECT_LE(line.size(), 20U);
            EXPECT_EQ(line.find('\x1b'), line.npos) << "a name is untrusted";
        }
    }
    EXPECT_EQ(top_lines(figures, "about", {}).size(), 2U + 3 * 52);
    const auto coloured = top_lines(figures, "about", {10, 0, true});
    EXPECT_EQ(coloured[3], "\x1b[1mROUTE     \x1b[0m");
}

} // namespace
} // namespace msd::app
