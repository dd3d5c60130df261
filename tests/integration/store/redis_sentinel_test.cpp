// SPDX-License-Identifier: Apache-2.0
#include "integration/store/redis_test.hpp"
#include "integration/store/redis_topologies.hpp"

#include <gmock/gmock.h>
#include <string>

namespace msd::store::redis {
namespace {

using testing::HasSubstr;

class redis_sentinel : public test::redis_test {
protected:
    client_settings chosen(const std::string& url) {
        auto made = settings_for(url);
        made.timeout = milliseconds{1000};
        made.connect_timeout = milliseconds{3000};
        return made;
    }

    /// Repeats a write until it succeeds.
    bool writes_again() {
        const auto until = soon();
        while (!until.passed()) {
            if (loop_.wait(client_->became_usable(until)) && ask({"SET", "key", "after"})) {
                return true;
            }
        }
        return false;
    }
};

TEST_F(redis_sentinel, follows_a_failover_after_the_master_was_lost) {
    test::redis_watched servers;
    open(chosen(servers.url()));
    ASSERT_TRUE(wait_usable());
    ASSERT_TRUE(ask({"SET", "key", "before"}));
    EXPECT_EQ(servers.master.ask({"GET", "key"}).text, "before");
    test::require_eventually("the replica has the key", [&] {
        return servers.replica.ask({"GET", "key"}).text == "before";
    });
    servers.master.kill();
    ASSERT_TRUE(writes_again());
    EXPECT_EQ(servers.replica.ask({"GET", "key"}).text, "after");
    EXPECT_EQ(servers.replica.ask({"ROLE"}).items.at(0).text, "master");
}

TEST_F(redis_sentinel, follows_a_requested_failover_and_receives_messages_again) {
    test::redis_watched servers;
    open(chosen(servers.url()));
    ASSERT_TRUE(wait_usable());
    std::vector<bool> changes;
    std::vector<std::string> messages;
    subscription to;
    to.channels = {"news"};
    to.on_change = [&changes](bool listening) {
        changes.push_back(listening);
    };
    to.on_message = [&messages](std::string_view, std::string_view message) {
        messages.emplace_back(message);
    };
    client_->subscribe(std::move(to));
    loop_.run_until([&changes] { return !changes.empty(); });
    servers.sentinel(0).ask({"SENTINEL", "FAILOVER", "main"});
    loop_.run_until([&changes] { return changes.size() >= 3; });
    ASSERT_TRUE(writes_again());
    test::require_eventually("the other one is the master", [&] {
        return servers.replica.ask({"ROLE"}).items.at(0).text == "master";
    });
    EXPECT_EQ(servers.replica.ask({"GET", "key"}).text, "after");
    loop_.run_until([&] {
        servers.replica.ask({"PUBLISH", "news", "heard"});
        return !messages.empty();
    });
}

TEST_F(redis_sentinel, works_with_the_remaining_sentinels) {
    test::redis_watched servers;
    servers.sentinel(0).kill();
    servers.sentinel(1).hang();
    open(chosen(servers.url()));
    EXPECT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"SET", "key", "value"}));
}

TEST_F(redis_sentinel, reports_an_unknown_master_name) {
    test::redis_watched servers;
    open(chosen("redis+sentinel://" + servers.sentinel(0).address() + "/other"));
    loop_.run_until([this] { return client_->counted().failures > 0; });
    EXPECT_FALSE(client_->usable());
    EXPECT_THAT(client_->trouble(), HasSubstr("knows no master named other"));
}

TEST_F(redis_sentinel, distinguishes_sentinels_from_servers) {
    const test::redis_server server;
    open(chosen("redis+sentinel://" + server.address() + "/main"));
    loop_.run_until([this] { return client_->counted().failures > 0; });
    EXPECT_THAT(client_->trouble(), HasSubstr("is not a sentinel"));
}

} // namespace
} // namespace msd::store::redis
