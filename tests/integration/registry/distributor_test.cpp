// SPDX-License-Identifier: Apache-2.0
#include "core/registration.hpp"
#include "integration/registry/distributor_harness.hpp"
#include "wire/packet.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::testing_roles {
namespace {

TEST(distributor, sends_foreign_nodes_the_list_of_all_nodes) {
    const running_distributor distributor;
    raw_node goods{distributor.port()};
    EXPECT_EQ(goods.read(), R"({"uri":"/distributes","method":"GET","key":0,"params":[]})");
    goods.send(foreign_registration("goods", 9010));
    EXPECT_EQ(
        goods.read(),
        R"({"uri":"/distributes","method":"GET","key":0,"params":[)"
        R"({"port":9010,"name":"goods","urls":["GET/goods"],"host":"127.0.0.1"}]})"
    );
    raw_node members{distributor.port()};
    members.send(foreign_registration("members", 9020));
    EXPECT_TRUE(members.knows(2));
    EXPECT_TRUE(goods.knows(2));
    members.close();
    EXPECT_TRUE(goods.knows(1));
}

TEST(distributor, reads_a_registration_regardless_of_how_it_is_cut) {
    const running_distributor distributor;
    raw_node watcher{distributor.port()};
    const std::size_t bytes = foreign_registration("연필¶100", 9010).size();
    for (std::size_t cut = 1; cut < bytes; cut += 7) {
        const std::string name = "연필¶" + std::to_string(100 + cut);
        const std::string registration = foreign_registration(name, 9010);
        raw_node node{distributor.port()};
        node.send(registration.substr(0, cut));
        EXPECT_TRUE(still_answers(watcher)); // gives the first half time to be read on its own
        node.send(registration.substr(cut));
        const auto is_listed = [&] {
            const auto nodes = node.known.nodes();
            return std::any_of(nodes.begin(), nodes.end(), [&](const core::node_info& listed) {
                return listed.id.name == name;
            });
        };
        while (!is_listed()) {
            const auto frame = node.read();
            wire::packet packet;
            ASSERT_TRUE(frame && packet.parse(*frame) && node.known.apply(packet)) << cut;
        }
    }
}

TEST(distributor, answers_malformed_packets_that_have_a_key_and_continues) {
    const running_distributor distributor;
    raw_node node{distributor.port()};
    node.send("¶x¶null¶5¶[]¶¶¶");
    for (const std::string params : {"", R"(,"params":null)", R"(,"params":"abc")"}) {
        node.send(R"({"uri":"/distributes","method":"POST","key":"k")" + params + "}¶");
        const auto reply = read_reply(node, "\"k\"");
        ASSERT_TRUE(reply);
        EXPECT_NE(reply->find(R"("errorcode":1)"), std::string::npos) << *reply;
    }
    node.send(R"({"key":7,"uri":"/distributes","params":{]})"
              "¶");
    EXPECT_TRUE(read_reply(node, "7"));
    EXPECT_TRUE(still_answers(node));
    node.send(foreign_registration("goods", 9010));
    EXPECT_TRUE(node.knows(1)) << "malformed packets registered no node";
}

TEST(distributor, closes_a_connection_after_the_tenth_malformed_packet) {
    const running_distributor distributor;
    raw_node patient{distributor.port()};
    raw_node node{distributor.port()};
    for (int i = 0; i < 9; ++i) {
        node.send("¶x¶");
    }
    EXPECT_TRUE(still_answers(node));
    node.send("¶x¶");
    EXPECT_TRUE(node.is_closed());
    EXPECT_TRUE(still_answers(patient));
}

TEST(distributor, closes_after_an_oversized_packet_once_earlier_replies_are_sent) {
    registry::distributor_settings settings;
    settings.packets.request_bytes_max = 4096;
    const running_distributor distributor{settings};
    raw_node node{distributor.port()};
    node.send(std::string{ping} + "{\"a\":\"" + std::string(5000, 'x'));
    EXPECT_TRUE(read_reply(node, pong_key));
    EXPECT_TRUE(node.is_closed());
}

// The peer sends everything before it reads. Closing at once would reset the connection and discard
// the reply.
TEST(distributor, answers_an_oversized_packet_even_when_the_peer_sends_all_of_it_first) {
    registry::distributor_settings settings;
    settings.packets.request_bytes_max = 4096;
    const running_distributor distributor{settings};
    for (int i = 0; i < 10; ++i) {
        raw_node node{distributor.port()};
        node.send(R"({"key":"big","a":")" + std::string(700'000, 'x') + "\"}¶");
        EXPECT_TRUE(read_reply(node, "\"big\""));
        EXPECT_TRUE(node.is_closed());
    }
}

TEST(distributor, stops_reading_an_endless_packet) {
    registry::distributor_settings settings;
    settings.packets.request_bytes_max = 4096;
    const running_distributor distributor{settings};
    raw_node node{distributor.port()};
    node.send(std::string(32u << 20, '{')); // returns because the connection is closed
    EXPECT_TRUE(node.is_closed());
    raw_node other{distributor.port()};
    EXPECT_TRUE(still_answers(other));
}

TEST(distributor, closes_a_connection_whose_frame_is_not_complete_in_time) {
    registry::distributor_settings settings;
    settings.packets.frame_timeout = milliseconds{20};
    const running_distributor distributor{settings};
    raw_node idle{distributor.port()};
    raw_node node{distributor.port()};
    node.send("{\"uri\":");
    EXPECT_TRUE(node.is_closed());
    EXPECT_TRUE(still_answers(idle)) << "silence between frames is allowed";
}

TEST(distributor, answers_unknown_requests) {
    const running_distributor distributor;
    raw_node node{distributor.port()};
    node.send(R"({"uri":"/nothing","method":"GET","key":18446744073709551615})"
              "¶");
    const auto reply = read_reply(node, "18446744073709551615");
    ASSERT_TRUE(reply);
    EXPECT_NE(reply->find(R"("errorcode":404)"), std::string::npos) << *reply;
}

TEST(distributor, ignores_connections_that_never_register) {
    const running_distributor distributor;
    raw_node watcher{distributor.port()};
    watcher.send(foreign_registration("watcher", 1));
    EXPECT_TRUE(watcher.knows(1));
    for (int i = 0; i < 50; ++i) {
        const raw_node scan{distributor.port()};
    }
    raw_node sentinel{distributor.port()};
    sentinel.send(foreign_registration("sentinel", 2));
    const auto next = watcher.read();
    ASSERT_TRUE(next);
    EXPECT_NE(next->find("sentinel"), std::string::npos);
}

TEST(distributor, sends_msd_nodes_snapshots_changes_and_critical_nodes) {
    const running_distributor distributor;
    raw_node gate{distributor.port()};
    register_as_msd(gate, msd_node("gate"), 1);
    raw_node goods{distributor.port()};
    register_as_msd(goods, msd_node("goods"), 2);
    EXPECT_TRUE(gate.knows(2));
    const auto rev = goods.known.rev();
    goods.close();
    while (!gate.known.nodes()[1].critical) {
        const auto frame = gate.read();
        wire::packet packet;
        ASSERT_TRUE(frame && packet.parse(*frame) && gate.known.apply(packet));
    }
    EXPECT_EQ(gate.known.rev(), rev);
    EXPECT_EQ(gate.known.nodes()[1].routes.size(), 1U);
}

TEST(distributor, answers_a_deregistration_once_the_other_nodes_are_informed) {
    const running_distributor distributor;
    raw_node watcher{distributor.port()};
    raw_node goods{distributor.port()};
    register_as_msd(goods, msd_node("goods"), 1);
    EXPECT_TRUE(watcher.knows(1));
    goods.send(core::deregistration(77));
    EXPECT_TRUE(read_reply(goods, "77"));
    EXPECT_TRUE(watcher.knows(0));
}

TEST(distributor, pings_msd_nodes_and_drops_those_that_are_silent) {
    registry::distributor_settings settings;
    settings.ping_every = milliseconds{200};
    const running_distributor distributor{settings};
    raw_node silent{distributor.port()};
    register_as_msd(silent, msd_node("silent"), 1);
    raw_node foreign{distributor.port()};
    foreign.send(foreign_registration("foreign", 9010));
    EXPECT_TRUE(silent.is_closed());
    EXPECT_TRUE(still_answers(foreign)) << "foreign nodes receive no pings";
}

TEST(distributor, keeps_msd_nodes_that_answer_its_pings) {
    registry::distributor_settings settings;
    settings.ping_every = milliseconds{200};
    const running_distributor distributor{settings};
    raw_node node{distributor.port()};
    register_as_msd(node, msd_node("node"), 1);
    for (int answered = 0; answered < 3 * settings.ping_missed_max;) {
        const auto frame = node.read();
        wire::packet packet;
        ASSERT_TRUE(frame && packet.parse(*frame));
        if (packet.uri() == "/ping") {
            std::string pong;
            wire::append_reply(pong, packet.key(), {});
            node.send(pong);
            ++answered;
        }
    }
}

TEST(distributor, sends_a_slow_reader_one_later_list_and_delays_no_other_node) {
    constexpr std::size_t rounds = 20;
    registry::distributor_settings settings;
    settings.queue_bytes_max = 64 * 1024;
    settings.list_at_accept_bytes_max = std::size_t{16} << 20; // the nodes send nothing
    settings.ping_every = milliseconds{20'000};
    const running_distributor distributor{settings};
    raw_node slow{distributor.port(), 4096};
    raw_node quick{distributor.port()};
    std::vector<raw_node> nodes;
    std::string urls;
    for (int i = 0; i < 100; ++i) {
        urls += (i == 0 ? "\"" : ",\"") + std::string(1000, 'x') + "\"";
    }
    for (std::size_t i = 0; i < rounds; ++i) {
        nodes.emplace_back(distributor.port());
        nodes.back().send(
            R"({"uri":"/distributes","method":"POST","key":0,"params":{"port":9010,"name":"n)" +
            std::to_string(i) + R"(","urls":[)" + urls + "]}}¶"
        );
        ASSERT_TRUE(quick.knows(i + 1));
    }
    EXPECT_TRUE(slow.knows(rounds));
    EXPECT_LT(slow.bytes_received, quick.bytes_received / 2) << "the lists in between were skipped";
}

TEST(distributor, closes_a_connection_that_sends_requests_without_reading_the_replies) {
    registry::distributor_settings settings;
    settings.queue_bytes_max = 64 * 1024;
    const running_distributor distributor{settings};
    raw_node greedy{distributor.port(), 4096};
    std::string many;
    for (int i = 0; i < 10'000; ++i) {
        many += ping;
    }
    for (int i = 0; i < 20; ++i) {
        greedy.send(many);
    }
    EXPECT_TRUE(greedy.is_closed());
    EXPECT_LT(greedy.bytes_received, 20 * many.size())
        << "the distributor did not answer all requests";
    raw_node other{distributor.port()};
    EXPECT_TRUE(still_answers(other));
}

TEST(distributor, closes_a_connection_that_registers_or_leaves_repeatedly_without_reading) {
    const std::string registration =
        R"({"uri":"/distributes","method":"POST","key":1,"params":{"port":1,"name":"a","urls":[],)"
        "\"proto\":2}}\xC2\xB6";
    const std::string deregistration = R"({"uri":"/distributes","method":"DELETE","key":")" +
                                       std::string(10'000, 'k') + "\"}\xC2\xB6";
    for (const std::string& said : {registration, deregistration}) {
        registry::distributor_settings settings;
        settings.queue_bytes_max = 64 * 1024;
        const running_distributor distributor{settings};
        raw_node greedy{distributor.port(), 4096};
        greedy.send(registration);
        std::string many;
        while (many.size() < 500'000) {
            many += said;
        }
        for (int i = 0; i < 40; ++i) {
            greedy.send(many);
        }
        EXPECT_TRUE(greedy.is_closed());
        EXPECT_LT(greedy.bytes_received, 20 * many.size())
            << "the distributor did not answer all requests";
        raw_node other{distributor.port()};
        EXPECT_TRUE(still_answers(other));
    }
}

TEST(distributor, sends_two_hundred_joining_foreign_nodes_little_more_than_one_list_each) {
    constexpr std::size_t count = 200;
    // Long enough for a busy machine: unit tests check the times.
    registry::distributor_settings settings;
    settings.gather_quiet = milliseconds{200};
    settings.gather_longest = milliseconds{5000};
    const running_distributor distributor{settings};
    std::vector<raw_node> nodes;
    for (std::size_t i = 0; i < count; ++i) {
        nodes.emplace_back(distributor.port());
    }
    for (std::size_t i = 0; i < count; ++i) {
        nodes[i].send(foreign_registration("n" + std::to_string(i), 9010));
    }
    std::size_t bytes = 0;
    for (raw_node& node : nodes) {
        ASSERT_TRUE(node.knows(count));
        bytes += node.bytes_received;
    }
    raw_node late{distributor.port()};
    ASSERT_TRUE(late.knows(count));
    EXPECT_LE(bytes * 10, 14 * count * late.bytes_received);
}

} // namespace
} // namespace msd::testing_roles
