// SPDX-License-Identifier: Apache-2.0
#include "core/metrics_text.hpp"
#include "gateway/backend.hpp"
#include "gateway/meters.hpp"

#include <gtest/gtest.h>
#include <map>

namespace msd::gateway {
namespace {

class gateway_meters : public testing::Test {
protected:
    gateway_meters() {
        record.attempts = 1;
        record.status = 200;
    }

    void count(std::string_view route, std::string_view service) {
        counting.count({record, "GET", route, service, record.begun + std::chrono::milliseconds{3}}
        );
    }

    // Series with their values, without the name of the metric's family when it is this one.
    [[nodiscard]] std::map<std::string, std::uint64_t> values(core::metric which) const {
        std::map<std::string, std::uint64_t> found;
        for (const core::metric_series& each : core::read_metrics(board, now)) {
            if (each.family->which == which) {
                std::string key;
                for (const std::string& value : each.labels) {
                    key += (key.empty() ? "" : " ") + value;
                }
                found[key] = each.value();
            }
        }
        return found;
    }

    using series = std::map<std::string, std::uint64_t>;

    core::scoreboard board = *core::scoreboard::create();
    core::metrics all{board, 0};
    meters counting{all};
    exchange_record record;
    time_point now{std::chrono::hours{1}};
};

TEST_F(gateway_meters, count_requests_by_route_method_and_status) {
    count("/a", {});
    count("/a", {});
    record.status = 404;
    count({}, {});
    EXPECT_EQ(
        values(core::metric::http_requests),
        (series{{"/a GET 200", 2}, {"none GET 404", 1}})
    );
    EXPECT_TRUE(values(core::metric::upstream_requests).empty());
}

TEST_F(gateway_meters, count_what_became_of_requests_to_services) {
    record.endpoint = "a:1";
    count("/a", "shop");
    record.attempts = 3;
    record.status = 504;
    record.flags.set(exchange_flag::upstream_timeout);
    count("/a", "shop");
    record.endpoint = "b:1";
    record.flags = {};
    record.status = 500;
    count("/a", "shop");
    record.attempts = 0; // refused by a policy, for example: the service got nothing
    count("/a", "shop");
    EXPECT_EQ(
        values(core::metric::upstream_requests),
        (series{{"shop a:1 success", 1}, {"shop a:1 timeout", 1}, {"shop b:1 server_error", 1}})
    );
}

TEST_F(gateway_meters, count_what_limits_have_said) {
    using enum meters::limited;
    counting.count_limited("api", allowed);
    counting.count_limited("api", allowed);
    counting.count_limited("api", refused);
    counting.count_limited("gateway", store_failed);
    EXPECT_EQ(
        values(core::metric::ratelimit_requests),
        (series{{"api allowed", 2}, {"api refused", 1}, {"gateway store_failed", 1}})
    );
}

TEST_F(gateway_meters, name_an_outcome_after_the_reason_rather_than_the_status) {
    record.status = 502;
    record.has_failed = true;
    EXPECT_EQ(outcome_label(record), "reset");
    record.flags.set(exchange_flag::connect_failed);
    record.flags.set(exchange_flag::retries_used_up);
    EXPECT_EQ(outcome_label(record), "connect_failed");
    EXPECT_EQ(record.flags.text(), "UF,URX");
    record.flags.set(exchange_flag::client_disconnected);
    EXPECT_EQ(outcome_label(record), "client_left");
}

TEST_F(gateway_meters, keep_a_bounded_number_of_routes_instances_and_statuses) {
    for (std::size_t number = 0; number < meters::kept_max + 10; ++number) {
        record.endpoint = "instance " + std::to_string(number);
        count("/" + std::to_string(number), "service " + std::to_string(number % 10));
    }
    record.endpoint.clear();
    for (int status = 100; status < 1000; ++status) {
        record.status = status;
        count("/0", {});
    }
    std::uint64_t requests = 0;
    for (const auto& [key, value] : values(core::metric::http_requests)) {
        requests += value;
    }
    EXPECT_EQ(requests, meters::kept_max + 10 + 900);
    std::uint64_t sent = 0;
    for (const auto& [key, value] : values(core::metric::upstream_requests)) {
        sent += value;
    }
    EXPECT_EQ(sent, meters::kept_max + 10);
}

TEST_F(gateway_meters, know_only_the_methods_of_http) {
    EXPECT_EQ(method_label("DELETE"), "DELETE");
    EXPECT_EQ(method_label("BREW"), "other");
    EXPECT_EQ(method_label("get"), "other");
}

} // namespace
} // namespace msd::gateway
