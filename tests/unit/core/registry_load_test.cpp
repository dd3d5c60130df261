// SPDX-License-Identifier: Apache-2.0
// A registry with long lists, many receivers and slow ones: what it sends in one step, and to whom.
#include "core/registry.hpp"
#include "core/topology.hpp"
#include "core/topology_frames.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace msd::core {
namespace {

// Of one step. A list of 15 MiB is more than that, but is one packet.
constexpr std::size_t step_bytes_max = 16u << 20;

class registry_load_test : public testing::Test {
protected:
    using peer_id = registry::peer_id;

    static registry_settings chosen() {
        registry_settings made;
        made.limits.per_address = made.limits.total;
        made.limits.reserved_percent = 0;
        made.limits.total.routes = made.limits.per_address.routes = 1'000'000;
        return made;
    }

    peer_id connect() { return instance.connect("127.0.0.1", now); }

    // A node whose entry has about `kib` KiB.
    peer_id add(const std::string& name, std::size_t kib, int proto = 1) {
        const peer_id id = connect();
        node_info node;
        node.id = {name, "", 9010};
        node.urls.assign(kib, std::string(1020, 'x'));
        node.proto = proto;
        const auto done = instance.enroll(id, {node, {}, {}}, now);
        EXPECT_TRUE(done) << done.error().text;
        return id;
    }

    peer_id follow(const std::string& name, std::vector<std::string> interest = {}) {
        const peer_id id = add(name, 0, 2);
        node_info node;
        node.id = {name, "", 9010};
        node.proto = 2;
        EXPECT_TRUE(instance.enroll(id, {node, revision{}, std::move(interest)}, now));
        return id;
    }

    // One step; returns the number of bytes that it sends.
    std::size_t step() {
        std::size_t bytes = 0;
        const auto has_room = [this](peer_id id, std::size_t /*bytes*/) {
            return !full.contains(id);
        };
        std::set<const std::string*> distinct;
        for (const auto& [to, what] : instance.advance(now, has_room)) {
            bytes += what->size();
            distinct.insert(what.get());
            receive(to, *what);
        }
        made += distinct.size();
        return bytes;
    }

    void receive(peer_id by, std::string_view frame) {
        received[by] += frame.size();
        ++frames[by];
        if (!followed.contains(by)) {
            return;
        }
        frame.remove_suffix(wire::terminator.size());
        wire::packet packet;
        ASSERT_TRUE(packet.parse(frame));
        const auto applied = followed.at(by).apply(packet);
        ASSERT_TRUE(applied);
        EXPECT_NE(*applied, topology::outcome::gap);
    }

    // Everything that is due within the time. Returns the number of steps.
    int settle(milliseconds span = milliseconds{5000}) {
        const time_point end = now + span;
        int steps = 0;
        while (instance.due() <= end) {
            now = std::max(now, instance.due());
            largest_step = std::max(largest_step, step());
            ++steps;
        }
        now = end;
        return steps;
    }

    registry instance{7, chosen()};
    time_point now{milliseconds{1'000'000}};
    std::set<peer_id> full;
    std::map<peer_id, std::size_t> received;
    std::map<peer_id, int> frames;
    std::map<peer_id, topology> followed;
    std::size_t largest_step = 0;
    std::size_t made = 0;
};

TEST_F(registry_load_test, a_long_list_is_sent_in_steps) {
    for (int i = 0; i < 100; ++i) {
        add("n" + std::to_string(i), 100);
    }
    const int steps = settle();
    EXPECT_LE(largest_step, step_bytes_max);
    EXPECT_GE(steps, 50) << "a list of 10 MB to a hundred nodes";
    const std::size_t list = instance.last_list()->size();
    for (int i = 0; i < 100; ++i) {
        EXPECT_GE(received[static_cast<peer_id>(i + 1)], list);
    }
}

TEST_F(registry_load_test, changes_during_the_steps_are_sent_in_the_next_list) {
    for (int i = 0; i < 50; ++i) {
        add("n" + std::to_string(i), 100);
    }
    settle();
    add("more", 1);
    now += milliseconds{200};
    step();
    add("even_more", 1);
    settle();
    EXPECT_NE(instance.last_list()->find("even_more"), std::string::npos);
    const int lists = frames[1];
    EXPECT_GE(lists, 3);
    EXPECT_EQ(instance.due(), time_point::max());
}

TEST_F(registry_load_test, many_changes_cause_few_long_lists) {
    for (int i = 0; i < 100; ++i) {
        add("n" + std::to_string(i), 100);
    }
    settle();
    const int before = frames[1];
    const peer_id changing = add("changing", 0);
    for (int i = 0; i < 200; ++i) {
        node_info node;
        node.id = {"changing", "", 9010};
        node.urls = {"GET/" + std::to_string(i)};
        ASSERT_TRUE(instance.enroll(changing, {node, {}, {}}, now));
        settle(milliseconds{12});
    }
    EXPECT_LE(frames[1] - before, 5) << "in 2.4 s";
}

TEST_F(registry_load_test, sends_a_long_list_after_the_first_packet_and_not_at_accept) {
    for (int i = 0; i < 20; ++i) {
        add("n" + std::to_string(i), 100);
    }
    settle();
    const peer_id silent = connect();
    settle();
    add("more", 1);
    settle();
    EXPECT_EQ(received[silent], 0U);
    instance.note_packet(silent);
    settle();
    EXPECT_EQ(received[silent], instance.last_list()->size());
    instance.note_packet(silent);
    settle();
    EXPECT_EQ(frames[silent], 1);
    add("last", 1);
    settle();
    EXPECT_EQ(frames[silent], 2);
}

// docs/protocol.md, section 2: an existing fleet gets its list at accept.
TEST_F(registry_load_test, the_list_of_a_thousand_nodes_is_sent_at_accept) {
    for (int i = 0; i < 1000; ++i) {
        const peer_id id = connect();
        node_info node;
        node.id = {"service_" + std::to_string(i), "", 9010};
        for (const std::string method : {"GET", "POST", "PUT", "DELETE"}) {
            for (const std::string path : {"/orders_of_a_customer", "/deliveries"}) {
                node.urls.push_back(method + path);
            }
        }
        ASSERT_TRUE(instance.enroll(id, {node, {}, {}}, now));
    }
    settle();
    const peer_id silent = connect();
    settle();
    EXPECT_EQ(received[silent], instance.last_list()->size());
}

TEST_F(registry_load_test, a_snapshot_is_sent_in_steps_and_changes_follow_it) {
    for (int i = 0; i < 100; ++i) {
        add("n" + std::to_string(i), 100, 2);
    }
    settle();
    const peer_id follower = follow("z");
    followed[follower];
    const peer_id other = follow("y");
    followed[other];
    now += milliseconds{10};
    step();
    EXPECT_LE(received[follower], step_bytes_max);
    EXPECT_TRUE(followed[follower].nodes().empty());
    instance.disconnect(1, now);
    instance.deregister(50, "1", now);
    add("late", 1, 2);
    settle();
    EXPECT_EQ(followed[follower].nodes().size(), 102U);
    EXPECT_EQ(followed[follower].rev(), instance.nodes().now().rev);
    const auto nodes = followed[follower].nodes();
    const auto lost = std::count_if(nodes.begin(), nodes.end(), [](const node_info& each) {
        return each.critical;
    });
    EXPECT_EQ(lost, 1);
    EXPECT_EQ(followed[other].nodes().size(), 102U);
}

TEST_F(registry_load_test, a_slow_reader_of_a_snapshot_is_sent_the_rest_later) {
    for (int i = 0; i < 100; ++i) {
        add("n" + std::to_string(i), 100, 2);
    }
    settle();
    const peer_id follower = follow("z");
    followed[follower];
    step();
    full.insert(follower);
    settle();
    const std::size_t begun = received[follower];
    EXPECT_LE(begun, step_bytes_max);
    add("late", 1, 2);
    settle();
    EXPECT_EQ(received[follower], begun);
    full.clear();
    instance.resume(follower, now);
    settle();
    EXPECT_EQ(followed[follower].nodes().size(), 102U);
}

TEST_F(registry_load_test, receivers_share_the_parts_of_a_snapshot) {
    for (int i = 0; i < 50; ++i) {
        add("n" + std::to_string(i), 100, 2);
    }
    settle();
    for (int i = 0; i < 20; ++i) {
        follow("z" + std::to_string(i));
    }
    settle();
    made = 0;
    const std::size_t before = received[60];
    for (peer_id id = 51; id <= 70; ++id) {
        node_info node;
        node.id = {"z" + std::to_string(id - 51), "", 9010};
        node.proto = 2;
        ASSERT_TRUE(instance.enroll(id, {node, revision{}, {}}, now));
    }
    settle();
    EXPECT_GE(received[60] - before, 5'000'000U);
    // A step counts each packet once, so receivers in different steps count twice.
    EXPECT_LE(made, 200U) << "and not twenty times as many";
}

TEST_F(registry_load_test, different_interests_are_served_in_steps) {
    for (int i = 0; i < 2000; ++i) {
        add("n" + std::to_string(i), 0);
    }
    settle();
    for (int i = 0; i < 400; ++i) {
        follow("z" + std::to_string(i), {"n" + std::to_string(i)});
    }
    EXPECT_GE(settle(), 5);
    EXPECT_EQ(instance.due(), time_point::max());
}

TEST_F(registry_load_test, a_proof_changes_the_listed_description) {
    const peer_id first = add("a", 1);
    const peer_id second = add("a", 2);
    settle();
    const std::string before = *instance.last_list();
    instance.prove(second);
    settle();
    EXPECT_NE(*instance.last_list(), before);
    instance.disconnect(first, now);
    settle();
    EXPECT_EQ(instance.nodes().size(), 1U);
}

TEST_F(registry_load_test, answers_a_deregistration_after_the_last_step) {
    const peer_id leaving = follow("z");
    for (int i = 0; i < 100; ++i) {
        add("n" + std::to_string(i), 100);
    }
    settle();
    const int before = frames[leaving];
    instance.deregister(leaving, "1", now);
    now += milliseconds{200};
    step();
    EXPECT_EQ(frames[leaving], before + 1) << "the change, as all msd nodes; no reply yet";
    settle();
    EXPECT_EQ(frames[leaving], before + 2);
}

TEST_F(registry_load_test, interests_of_all_connections_have_a_limit) {
    bool refused = false;
    for (int i = 0; i < 400 && !refused; ++i) {
        const peer_id id = connect();
        std::vector<std::string> interest;
        for (std::size_t name = 0; name < interest_max; ++name) {
            interest.push_back(std::string(100, 'x') + std::to_string(name));
        }
        node_info node;
        node.id = {"a", "", 9010};
        node.proto = 2;
        refused = !instance.enroll(id, {node, revision{}, interest}, now).has_value();
    }
    EXPECT_TRUE(refused);
}

} // namespace
} // namespace msd::core
