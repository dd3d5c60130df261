// SPDX-License-Identifier: Apache-2.0
#include "integration/store/redis_test.hpp"
#include "integration/store/redis_topologies.hpp"
#include "store/redis/slot_map.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <map>
#include <string>

namespace msd::store::redis {
namespace {

using testing::HasSubstr;

class redis_in_cluster : public test::redis_test {
protected:
    void open_cluster(const std::string& url) {
        auto made = settings_for(url);
        made.timeout = milliseconds{2000};
        made.connect_timeout = milliseconds{3000};
        open(made);
        ASSERT_TRUE(wait_usable());
    }

    /// A key in a slot of node `number`.
    static std::string key_of(std::size_t number) {
        int i = 0;
        std::string key = "key";
        while (test::redis_cluster::owner_of(slot_of(key)) != number) {
            key = "key" + std::to_string(++i);
        }
        return key;
    }

    bool works_again(const std::string& key) {
        const auto until = soon();
        while (!until.passed()) {
            if (ask({"SET", key, "again"})) {
                return true;
            }
            loop_.run_until([end = deadline::in(milliseconds{20})] { return end.passed(); });
        }
        return false;
    }
};

// Writes and reads keys continuously and counts errors.
class load {
public:
    static constexpr int keys = 40;

    static asio::awaitable<void> run(load* self, client* target, std::string tag) {
        for (int round = 0; !self->stop; ++round) {
            const std::string key = tag + std::to_string(round % keys);
            const std::string value = std::to_string(round);
            auto set = command::of("SET", key, value);
            const auto written = co_await target->execute(std::move(set), deadline::in(limit));
            auto get = command::of("GET", key);
            const auto read = co_await target->execute(std::move(get), deadline::in(limit));
            if (!written || !read || read->text != value) {
                self->failed += !written ? written.error().text : "a wrong value; ";
            }
            ++self->rounds;
        }
        self->ended = true;
    }

    static constexpr milliseconds limit{20'000};
    int rounds = 0;
    std::string failed;
    bool stop = false;
    bool ended = false;
};

TEST_F(redis_in_cluster, finds_every_key_at_its_node) {
    test::redis_cluster servers;
    open_cluster(servers.url());
    std::map<std::size_t, int> expected;
    for (int i = 0; i < 300; ++i) {
        const std::string key = "key" + std::to_string(i);
        const auto set = ask({"SET", key, key});
        ASSERT_TRUE(set) << set.error().text;
        ++expected[test::redis_cluster::owner_of(slot_of(key))];
        EXPECT_EQ(ask({"GET", key})->text, key);
    }
    for (std::size_t i = 0; i < test::redis_cluster::size; ++i) {
        EXPECT_EQ(servers.node(i).ask({"DBSIZE"}).integer, expected[i]);
    }
    EXPECT_EQ(client_->counted().connects, 3U);
    EXPECT_EQ(servers.node(0).ask({"CLUSTER", "KEYSLOT", "a{연필}b"}).integer, slot_of("a{연필}b"));
}

TEST_F(redis_in_cluster, keeps_keys_with_one_tag_together) {
    test::redis_cluster servers;
    open_cluster(servers.url());
    EXPECT_TRUE(ask({"MSET", "{tag}a", "1", "{tag}b", "2"}));
    EXPECT_EQ(ask({"MGET", "{tag}a", "{tag}b"})->items.at(1).text, "2");
    const auto apart = ask({"MSET", key_of(0), "1", key_of(1), "2"});
    ASSERT_FALSE(apart);
    EXPECT_THAT(apart.error().text, HasSubstr("CROSSSLOT"));
    EXPECT_TRUE(ask({"PING"})) << "without a key any node will do";
}

TEST_F(redis_in_cluster, loses_nothing_while_a_slot_moves_under_load) {
    test::redis_cluster servers;
    open_cluster(servers.url());
    const std::string tag = "{moving}";
    const auto slot_number = slot_of(tag);
    const std::string slot = std::to_string(slot_number);
    const std::size_t from = test::redis_cluster::owner_of(slot_number);
    const std::size_t to = (from + 1) % test::redis_cluster::size;
    load running;
    asio::co_spawn(
        loop_.context(),
        load::run(&running, client_.get(), tag),
        [](const std::exception_ptr& failed) { EXPECT_FALSE(failed); }
    );
    const auto go_on = [&] {
        loop_.run_until([&, reached = running.rounds + 2 * load::keys] {
            return running.rounds >= reached;
        });
    };
    go_on();
    servers.node(to).ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", servers.id(from)});
    servers.node(from).ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", servers.id(to)});
    go_on();
    int moved = 0;
    for (;;) {
        const auto keys = servers.node(from).ask({"CLUSTER", "GETKEYSINSLOT", slot, "7"});
        if (keys.items.empty()) {
            break;
        }
        for (const auto& key : keys.items) {
            const std::string port = std::to_string(servers.node(to).port());
            servers.node(from).ask({"MIGRATE", "127.0.0.1", port, key.text, "0", "5000"});
            ++moved;
        }
        go_on();
    }
    EXPECT_GE(moved, load::keys);
    for (const std::size_t each : {to, from, std::size_t{3} - to - from}) {
        servers.node(each).ask({"CLUSTER", "SETSLOT", slot, "NODE", servers.id(to)});
        go_on();
    }
    running.stop = true;
    loop_.run_until([&running] { return running.ended; });
    EXPECT_EQ(running.failed, "");
    EXPECT_EQ(servers.node(to).ask({"DBSIZE"}).integer, load::keys);
    EXPECT_EQ(servers.node(from).ask({"DBSIZE"}).integer, 0);
}

TEST_F(redis_in_cluster, waits_for_migrating_keys_until_the_deadline) {
    test::redis_cluster servers;
    open_cluster(servers.url());
    const auto slot_number = slot_of("{moving}");
    const std::string slot = std::to_string(slot_number);
    const std::size_t from = test::redis_cluster::owner_of(slot_number);
    const std::size_t to = (from + 1) % test::redis_cluster::size;
    ASSERT_TRUE(ask({"MSET", "{moving}a", "1", "{moving}b", "2"}));
    servers.node(to).ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", servers.id(from)});
    servers.node(from).ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", servers.id(to)});
    const std::string port = std::to_string(servers.node(to).port());
    servers.node(from).ask({"MIGRATE", "127.0.0.1", port, "{moving}a", "0", "5000"});
    const auto apart = ask({"MGET", "{moving}a", "{moving}b"}, deadline::in(milliseconds{300}));
    ASSERT_FALSE(apart);
    EXPECT_EQ(apart.error().code, errc::unavailable);
    EXPECT_THAT(apart.error().text, HasSubstr("TRYAGAIN"));
    servers.node(from).ask({"MIGRATE", "127.0.0.1", port, "{moving}b", "0", "5000"});
    EXPECT_EQ(ask({"MGET", "{moving}a", "{moving}b"})->items.at(1).text, "2");
}

TEST_F(redis_in_cluster, fails_only_calls_for_keys_of_an_unreachable_node) {
    test::redis_cluster servers;
    open_cluster(servers.url());
    for (std::size_t i = 0; i < test::redis_cluster::size; ++i) {
        ASSERT_TRUE(ask({"SET", key_of(i), "value"}));
    }
    servers.node(2).kill();
    const auto until = soon();
    auto lost = ask({"GET", key_of(2)});
    while (lost && !until.passed()) {
        lost = ask({"GET", key_of(2)});
    }
    ASSERT_FALSE(lost);
    lost = ask({"GET", key_of(2)});
    EXPECT_EQ(lost.error().code, errc::unavailable);
    EXPECT_EQ(ask({"GET", key_of(0)})->text, "value");
    EXPECT_EQ(ask({"GET", key_of(1)})->text, "value");
    servers.node(2).start();
    EXPECT_TRUE(works_again(key_of(2)));
}

TEST_F(redis_in_cluster, waits_for_a_cluster_that_is_down_until_the_deadline) {
    test::redis_cluster servers{true};
    open_cluster(servers.url());
    ASSERT_TRUE(ask({"SET", key_of(0), "value"}));
    servers.node(2).kill();
    test::require_eventually("the others notice", [&] {
        return servers.node(0).ask({"CLUSTER", "INFO"}).text.find("cluster_state:fail") !=
               std::string::npos;
    });
    const auto refused = ask({"GET", key_of(0)}, deadline::in(milliseconds{2000}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unavailable);
    EXPECT_THAT(refused.error().text, HasSubstr("CLUSTERDOWN"));
    servers.node(2).start();
    EXPECT_TRUE(works_again(key_of(0)));
}

TEST_F(redis_in_cluster, finds_all_nodes_through_one) {
    test::redis_cluster servers;
    const test::reserved_port nobody;
    const std::string dead = "127.0.0.1:" + std::to_string(nobody.number());
    open_cluster("redis+cluster://" + dead + "," + servers.node(1).address());
    for (std::size_t i = 0; i < test::redis_cluster::size; ++i) {
        EXPECT_TRUE(works_again(key_of(i)));
    }
}

TEST_F(redis_in_cluster, receives_messages_published_at_any_node) {
    test::redis_cluster servers;
    open_cluster(servers.url());
    std::vector<std::string> messages;
    bool listening = false;
    subscription to;
    to.channels = {"news"};
    to.on_change = [&listening](bool now) {
        listening = now;
    };
    to.on_message = [&messages](std::string_view, std::string_view message) {
        messages.emplace_back(message);
    };
    client_->subscribe(std::move(to));
    loop_.run_until([&listening] { return listening; });
    // A node forwards a message only to nodes that it is connected to, which may be none in a new
    // cluster.
    for (std::size_t i = 0; i < test::redis_cluster::size; ++i) {
        const std::string news = std::to_string(i);
        const auto limit = soon();
        while (std::find(messages.begin(), messages.end(), news) == messages.end()) {
            ASSERT_FALSE(limit.passed()) << "node " << i << " was not heard";
            servers.node(i).ask({"PUBLISH", "news", news});
            loop_.run_until(
                [&messages, end = deadline::in(milliseconds{100}), before = messages.size()] {
                    return messages.size() > before || end.passed();
                }
            );
        }
    }
}

TEST_F(redis_in_cluster, reports_that_a_single_server_is_not_a_cluster) {
    const test::redis_server server;
    open(settings_for("redis+cluster://" + server.address()));
    loop_.run_until([this] {
        return client_->trouble().find("cluster support disabled") != std::string::npos;
    });
}

TEST_F(redis_in_cluster, reports_that_a_cluster_node_is_not_a_single_server) {
    test::redis_cluster servers;
    open(settings_for(servers.node(0).url()));
    loop_.run_until([this] { return client_->counted().failures > 0; });
    EXPECT_THAT(client_->trouble(), HasSubstr("redis+cluster://"));
}

} // namespace
} // namespace msd::store::redis
