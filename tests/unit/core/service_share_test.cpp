// SPDX-License-Identifier: Apache-2.0
#include "core/service_share.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace msd::core {
namespace {

using share_key = route_settings::share_key;

compiled_route split_of(unsigned canary, share_key by) {
    route_settings route;
    route.path = "/";
    route.split = {{"api", 100 - canary}, {"api-next", canary}};
    route.split_by = by;
    const auto made = configured_routes::compile({route});
    EXPECT_TRUE(made) << made.error().text;
    return (*made)->all().front();
}

std::string address(int number) {
    return "10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256);
}

TEST(service_share, a_route_without_split_has_one_service) {
    route_settings route;
    route.path = "/";
    route.service = "api";
    const auto made = configured_routes::compile({route});
    EXPECT_EQ(pick_service((*made)->all().front(), {}).service, "api");
}

TEST(service_share, requests_are_divided_by_weight) {
    const auto route = split_of(5, share_key::request);
    std::map<std::string, int> counts;
    for (std::uint64_t random = 0; random < share_range; ++random) {
        ++counts[std::string{pick_service(route, {"", "", random}).service}];
    }
    EXPECT_EQ(counts["api"], 9500);
    EXPECT_EQ(counts["api-next"], 500);
}

TEST(service_share, a_client_stays_with_its_service_when_a_canary_grows) {
    const auto small = split_of(5, share_key::client);
    const auto large = split_of(20, share_key::client);
    int in_small = 0;
    int in_large = 0;
    for (int number = 0; number < 10'000; ++number) {
        const std::string client = address(number);
        const auto before = pick_service(small, {client, "", 1}).service;
        EXPECT_EQ(before, pick_service(small, {client, "", 2}).service);
        const auto after = pick_service(large, {client, "", 3}).service;
        in_small += before == "api-next" ? 1 : 0;
        in_large += after == "api-next" ? 1 : 0;
        EXPECT_FALSE(before == "api-next" && after == "api") << client;
    }
    EXPECT_NEAR(in_small, 500, 100);
    EXPECT_NEAR(in_large, 2000, 200);
}

TEST(service_share, a_cookie_keeps_the_service) {
    const auto route = split_of(5, share_key::cookie);
    const auto fresh = pick_service(route, {"10.0.0.1", "a=b", 9700});
    EXPECT_EQ(fresh.service, "api-next");
    EXPECT_EQ(fresh.set_cookie, "msd-share=9700; Path=/; HttpOnly; SameSite=Lax");
    const auto again = pick_service(route, {"10.0.0.2", "a=b; msd-share=9700; c=d", 1});
    EXPECT_EQ(again.service, "api-next");
    EXPECT_EQ(again.set_cookie, "");
    for (const char* const cookies :
         {"msd-share=10000",
          "msd-share=x",
          "msd-share=",
          "msd-sharex=9700",
          "xmsd-share=9700",
          "msd-share=9700x",
          "msd-share=-1",
          "; ;=;"}) {
        const auto made = pick_service(route, {"", cookies, 20'003});
        EXPECT_EQ(made.service, "api") << cookies;
        EXPECT_TRUE(made.set_cookie.starts_with("msd-share=3;")) << cookies;
    }
}

TEST(redirect_location, puts_in_path_and_query) {
    EXPECT_EQ(
        redirect_location("https://x.test{path}{query}", "/a", "b=c"),
        "https://x.test/a?b=c"
    );
    EXPECT_EQ(redirect_location("/new{path}{query}", "/a", ""), "/new/a");
    EXPECT_EQ(redirect_location("/fixed", "/a", "b"), "/fixed");
    EXPECT_EQ(redirect_location("/{query}", "/a", "{path}"), "/?{path}");
    EXPECT_EQ(redirect_location("/{other}{", "/a", ""), "/{other}{");
}

TEST(redirect_location, a_path_does_not_lead_to_another_host) {
    EXPECT_EQ(redirect_location("{path}", "//evil.test/x", ""), "/evil.test/x");
    EXPECT_EQ(redirect_location("{path}", "/\\evil.test", ""), "/evil.test");
    EXPECT_EQ(redirect_location("{path}", "///", ""), "/");
    EXPECT_EQ(redirect_location("//cdn.test{path}", "/a", ""), "//cdn.test/a");
}

} // namespace
} // namespace msd::core
