// SPDX-License-Identifier: Apache-2.0
#include "integration/store/redis_server.hpp"
#include "integration/store/redis_test.hpp"
#include "integration/store/redis_topologies.hpp"
#include "store/redis/inspection.hpp"

#include <gmock/gmock.h>
#include <string>

namespace msd::store::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class redis_inspection : public test::redis_test {
protected:
    inspection look(client_settings chosen, milliseconds limit = test::patience) {
        return loop_.wait(inspect(loop_.executor(), std::move(chosen), deadline::in(limit)));
    }

    static constexpr milliseconds brief{1500};
};

TEST_F(redis_inspection, reports_version_mode_and_memory) {
    const test::redis_server server{{.lines = {"maxmemory 64mb", "maxmemory-policy allkeys-lru"}}};
    const auto seen = look(settings_for(server.url()));
    EXPECT_TRUE(seen.works);
    EXPECT_THAT(seen.advice, IsEmpty());
    EXPECT_THAT(
        seen.facts,
        ElementsAre(
            Pair("TLS", "no"),
            Pair("latency", HasSubstr("ms")),
            Pair("version", HasSubstr(".")),
            Pair("role", "master"),
            Pair("maxmemory", "64.00M, allkeys-lru")
        )
    );
}

TEST_F(redis_inspection, advises_against_a_memory_without_bounds_or_eviction) {
    const test::redis_server server;
    EXPECT_THAT(look(settings_for(server.url())).advice, ElementsAre(HasSubstr("set maxmemory")));
    server.ask({"CONFIG", "SET", "maxmemory", "64mb"});
    EXPECT_THAT(look(settings_for(server.url())).advice, ElementsAre(HasSubstr("allkeys-lru")));
}

TEST_F(redis_inspection, advises_what_to_do_about_problems) {
    const test::redis_server server{{.password = "right"}};
    const auto missing = look(settings_for(server.url()), brief);
    EXPECT_FALSE(missing.works);
    EXPECT_THAT(missing.advice, ElementsAre(HasSubstr("set cache.password_file")));
    auto chosen = settings_for(server.url());
    chosen.password = "topsecret";
    const auto wrong = look(chosen, brief);
    EXPECT_THAT(wrong.advice, ElementsAre(HasSubstr("check cache.password_file")));
    EXPECT_THAT(wrong.advice.at(0), testing::Not(HasSubstr("topsecret")));
    const test::reserved_port nobody;
    const auto absent =
        look(settings_for("redis://127.0.0.1:" + std::to_string(nobody.number())), brief);
    EXPECT_THAT(absent.advice, ElementsAre(HasSubstr("check that Redis runs there")));
    chosen = settings_for("rediss://" + server.address());
    chosen.connect_timeout = brief;
    const auto plain = look(chosen, 3 * brief);
    EXPECT_THAT(plain.advice, ElementsAre(HasSubstr("redis://")));
}

TEST_F(redis_inspection, inspects_a_cluster) {
    test::redis_cluster servers;
    const auto seen = look(settings_for(servers.url()));
    EXPECT_TRUE(seen.works);
    EXPECT_THAT(seen.facts, testing::Contains(Pair("role", "master")));
}

} // namespace
} // namespace msd::store::redis
