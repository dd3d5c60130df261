// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>

namespace msd::app {
namespace {

const config_schema& schema() {
    static const config_schema made{test_roles};
    return made;
}

gateway::gateway_settings accepted(std::string_view text) {
    configuration made = schema().defaults();
    const auto read = read_config(text, "msd.toml", schema(), made);
    EXPECT_TRUE(read) << read.error().text;
    return made.gateway;
}

std::string refusal(std::string_view text) {
    configuration made = schema().defaults();
    const auto read = read_config(text, "msd.toml", schema(), made);
    return read ? "accepted" : read.error().text;
}

TEST(config_limits, have_a_short_and_a_long_form) {
    using counting = core::request_limit::counting;
    const auto read = accepted(R"(
[gateway]
limit = { rate = "1000/m", key = "all" }
[[gateway.routes]]
path = "/a"
service = "a"
limit = "100/s"
[[gateway.routes]]
path = "/b"
service = "b"
limit = { rate = "5/h", burst = 0, key = "header:X-Api-Key" }
[[gateway.routes]]
path = "/c"
service = "c"
limit = "off"
[[gateway.routes]]
path = "/d"
service = "d"
)");
    EXPECT_EQ(read.limit.settings.allowed.requests, 1000U);
    EXPECT_EQ(read.limit.each, counting::all);
    ASSERT_EQ(read.routes.size(), 4U);
    const auto& [first, second] = std::pair{*read.routes[0].limit, *read.routes[1].limit};
    EXPECT_EQ(first.settings.allowed.requests, 100U);
    EXPECT_EQ(first.settings.burst, 1U);
    EXPECT_EQ(first.each, counting::client);
    EXPECT_EQ(second.settings.allowed.per, std::chrono::hours{1});
    EXPECT_EQ(second.settings.burst, 0U);
    EXPECT_EQ(second.each, counting::header);
    EXPECT_EQ(second.name, "x-api-key");
    ASSERT_TRUE(read.routes[2].limit);
    EXPECT_FALSE(read.routes[2].limit->is_on());
    EXPECT_FALSE(read.routes[3].limit);
    EXPECT_FALSE(accepted("").limit.is_on());
}

TEST(config_limits, are_refused_with_their_line_and_what_is_wrong) {
    const std::pair<const char*, const char*> wrong[] = {
        {R"(limit = 5)", "limit: expected a string or a table, got an integer"},
        {R"(limit = "")", "limit: must not be empty"},
        {R"(limit = "5")",
         "limit: a rate is a number from 1 to 1000000 and a unit, such as 100/s, 30/m, 1000/h or "
         "10000/d"},
        {R"(limit = { burst = 5 })", "limit: rate: is missing"},
        {R"(limit = { rat = "5/s" })", "limit: rat: unknown key; did you mean rate?"},
        {R"(limit = { rate = "5/s", burst = -1 })", "limit: burst: expected 0 to 1000000"},
        {R"(limit = { rate = "5/s", key = "all" })",
         R"(limit: key: "all" is not client, header:NAME, claim:NAME or route)"},
        {R"(limit = { rate = "5/s", key = "claim:" })",
         R"(limit: key: "claim:" is not client, header:NAME, claim:NAME or route)"},
    };
    for (const auto& [line, message] : wrong) {
        EXPECT_EQ(
            refusal(std::string{"[[gateway.routes]]\nservice = \"a\"\n"} + line + "\n"),
            "msd.toml:3: gateway.routes." + std::string{message}
        );
    }
    EXPECT_EQ(
        refusal("[gateway]\nlimit = { rate = \"5/s\", key = \"route\" }\n"),
        "msd.toml:2: gateway.limit: key: \"route\" is not client, header:NAME, claim:NAME or all"
    );
}

TEST(config_fallbacks, are_a_reply_or_a_service) {
    const auto routes = accepted(R"(
[[gateway.routes]]
path = "/a"
service = "a"
fallback = { status = 203, body = "{}", type = "application/json" }
[[gateway.routes]]
path = "/b"
split = { b = 1 }
fallback.service = "c"
)")
                            .routes;
    ASSERT_EQ(routes.size(), 2U);
    ASSERT_TRUE(routes[0].fallback_reply);
    EXPECT_EQ(routes[0].fallback_reply->status, 203);
    EXPECT_EQ(routes[0].fallback_reply->body, "{}");
    EXPECT_EQ(routes[0].fallback_reply->type, "application/json");
    EXPECT_FALSE(routes[1].fallback_reply);
    EXPECT_EQ(routes[1].fallback_service, "c");
}

} // namespace
} // namespace msd::app
