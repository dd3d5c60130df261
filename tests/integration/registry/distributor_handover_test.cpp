// SPDX-License-Identifier: Apache-2.0
#include "core/registration.hpp"
#include "integration/registry/distributor_harness.hpp"
#include "net/descriptor_channel.hpp"
#include "wire/packet.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::testing_roles {
namespace {

using kind = core::worker_message::kind;

// A pool of one distributor, and its master: the current worker, and its replacement.
class handover : public testing::Test {
protected:
    struct two_ends {
        unique_fd ours;
        unique_fd theirs;
    };

    static two_ends channel() {
        std::array<int, 2> pair{-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
        return {unique_fd{pair[0]}, unique_fd{pair[1]}};
    }

    void begin() {
        listener_ = listen_on(0);
        present = std::make_unique<running_distributor>(settings, listener(), unique_fd{});
    }

    [[nodiscard]] std::unique_ptr<running_distributor> candidate(unique_fd from) const {
        auto made = std::make_unique<running_distributor>(settings, listener(), std::move(from));
        EXPECT_TRUE(made->says(kind::ready));
        return made;
    }

    // Replaces the worker as a roll does.
    void roll() {
        auto [ours, theirs] = channel();
        auto fresh = candidate(std::move(theirs));
        present->tell(kind::hand_over, ours);
        ours.reset();
        ASSERT_TRUE(present->says(kind::drained));
        fresh->tell(kind::serve);
        present = std::move(fresh);
    }

    // Waits for the report of the current worker that it continues; returns its reason.
    [[nodiscard]] std::string refusal(unique_fd to) const {
        present->tell(kind::hand_over, to);
        to.reset();
        return present->says(kind::kept).value_or("it said nothing");
    }

    [[nodiscard]] std::uint16_t port() const { return present->port(); }

    registry::distributor_settings settings;
    std::unique_ptr<running_distributor> present;

private:
    [[nodiscard]] unique_fd listener() const {
        return unique_fd{fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0)};
    }

    unique_fd listener_;
};

// Applies one frame of the topology.
void read_topology(raw_node& node) {
    const auto frame = node.read();
    wire::packet packet;
    ASSERT_TRUE(frame && packet.parse(*frame));
    if (packet.uri() == core::registry_uri) {
        ASSERT_TRUE(node.known.apply(packet));
    }
}

TEST_F(handover, is_not_visible_to_any_node) {
    begin();
    raw_node foreign{port()};
    foreign.send(foreign_registration("goods", 9010));
    ASSERT_TRUE(foreign.knows(1));
    raw_node msd{port()};
    register_as_msd(msd, msd_node("gate"), 2);
    ASSERT_TRUE(foreign.knows(2));
    const auto epoch = msd.known.epoch();
    const auto rev = msd.known.rev();
    for (int i = 0; i < 5; ++i) {
        roll();
        ASSERT_TRUE(still_answers(msd));
    }
    foreign.send(ping);
    const auto pong = foreign.read();
    ASSERT_TRUE(pong);
    EXPECT_NE(pong->find(R"("errorcode":0)"), std::string::npos)
        << "a list was sent before: " << *pong;
    raw_node late{port()};
    late.send(foreign_registration("members", 9020));
    EXPECT_TRUE(late.knows(3));
    EXPECT_TRUE(foreign.knows(3));
    EXPECT_TRUE(msd.knows(3));
    EXPECT_EQ(msd.known.epoch(), epoch);
    EXPECT_EQ(msd.known.rev(), rev + 1);
}

TEST_F(handover, continues_to_read_packets_that_it_cut) {
    begin();
    raw_node watcher{port()};
    const std::string registration = foreign_registration("연필¶", 9010);
    for (std::size_t cut = 1; cut < registration.size(); cut += 9) {
        raw_node node{port()};
        node.send(std::string{ping} + registration.substr(0, cut));
        ASSERT_TRUE(read_reply(node, pong_key)) << "the first half has arrived";
        roll();
        node.send(registration.substr(cut));
        ASSERT_TRUE(node.knows(1)) << cut;
        ASSERT_TRUE(watcher.knows(1));
        node.close();
        ASSERT_TRUE(watcher.knows(0));
    }
}

TEST_F(handover, keeps_the_time_of_an_unfinished_frame) {
    settings.packets.frame_timeout = milliseconds{500};
    begin();
    raw_node idle{port()};
    raw_node node{port()};
    node.send(std::string{ping} + "{\"uri\":");
    ASSERT_TRUE(read_reply(node, pong_key));
    roll();
    EXPECT_TRUE(node.is_closed());
    EXPECT_TRUE(still_answers(idle));
}

TEST_F(handover, sends_a_slow_reader_its_queued_bytes_and_then_one_later_list) {
    constexpr std::size_t rounds = 20;
    settings.queue_bytes_max = 256 * 1024;
    settings.list_at_accept_bytes_max = std::size_t{16} << 20; // the nodes send nothing
    begin();
    raw_node slow{port(), 4096};
    raw_node quick{port()};
    std::string urls;
    for (int i = 0; i < 100; ++i) {
        urls += (i == 0 ? "\"" : ",\"") + std::string(1000, 'x') + "\"";
    }
    std::vector<raw_node> nodes;
    for (std::size_t i = 0; i < rounds; ++i) {
        nodes.emplace_back(port());
        nodes.back().send(
            R"({"uri":"/distributes","method":"POST","key":0,"params":{"port":9010,"name":"n)" +
            std::to_string(i) + R"(","urls":[)" + urls + "]}}¶"
        );
        ASSERT_TRUE(quick.knows(i + 1));
        if (i % 4 == 0) {
            roll();
        }
    }
    EXPECT_TRUE(slow.knows(rounds)) << "every frame arrived whole";
    EXPECT_LT(slow.bytes_received, quick.bytes_received) << "some lists were skipped";
}

TEST_F(handover, sends_the_changes_that_were_being_gathered) {
    settings.gather_quiet = milliseconds{1000};
    settings.gather_longest = milliseconds{2000};
    begin();
    raw_node watcher{port()};
    raw_node node{port()};
    node.send(foreign_registration("goods", 9010) + std::string{ping});
    ASSERT_TRUE(read_reply(node, pong_key))
        << "the node is registered and no other node was informed";
    ASSERT_TRUE(still_answers(watcher));
    EXPECT_TRUE(watcher.known.nodes().empty());
    roll();
    EXPECT_TRUE(watcher.knows(1));
    EXPECT_TRUE(node.knows(1));
}

TEST_F(handover, removes_a_critical_node_after_its_time_or_lists_it_again_when_it_returns) {
    settings.critical_for = milliseconds{1000};
    begin();
    raw_node gate{port()};
    register_as_msd(gate, msd_node("gate"), 1);
    raw_node goods{port()};
    register_as_msd(goods, msd_node("goods"), 2);
    ASSERT_TRUE(gate.knows(2));
    goods.close();
    while (!gate.known.nodes()[1].critical) {
        read_topology(gate);
    }
    roll();
    EXPECT_TRUE(gate.knows(1));
}

TEST_F(handover, loses_no_node_that_connects_during_it) {
    begin();
    raw_node watcher{port()};
    std::vector<raw_node> nodes;
    for (std::size_t i = 0; i < 50; ++i) {
        nodes.emplace_back(port()); // maybe accepted by the old one, maybe waiting in the queue
        nodes.back().send(foreign_registration("n" + std::to_string(i), 9010));
        if (i % 5 == 0) {
            roll();
        }
    }
    EXPECT_TRUE(watcher.knows(50));
    for (raw_node& node : nodes) {
        EXPECT_TRUE(node.knows(50));
    }
}

TEST_F(handover, assigns_each_connection_to_its_peer_when_they_need_several_messages) {
    constexpr std::size_t count = 200;
    begin();
    std::vector<raw_node> nodes;
    for (std::size_t i = 0; i < count; ++i) {
        nodes.emplace_back(port());
        nodes.back().send(foreign_registration("n" + std::to_string(i), 9010));
    }
    for (raw_node& node : nodes) {
        ASSERT_TRUE(node.knows(count));
    }
    roll();
    for (std::size_t i = 0; i < count; ++i) {
        const std::string key = std::to_string(1000 + i);
        nodes[i].send(R"({"uri":"/ping","method":"GET","key":)" + key + "}¶");
        ASSERT_TRUE(read_reply(nodes[i], key));
    }
    nodes[7].send(foreign_registration("seven", 9010));
    while (nodes[0].known.nodes()[7].id.name != "seven") {
        read_topology(nodes[0]);
    }
}

TEST_F(handover, continues_in_the_old_worker_when_the_new_worker_sends_a_bad_reply_or_none) {
    begin();
    raw_node node{port()};
    node.send(foreign_registration("goods", 9010));
    ASSERT_TRUE(node.knows(1));
    {
        auto [ours, theirs] = channel();
        theirs.reset();
        EXPECT_EQ(refusal(std::move(ours)), "the other process has ended");
    }
    for (const std::string_view answer : {"REFUSED no reason", "GO", "\xFF\xFF", "TAKE"}) {
        auto [ours, theirs] = channel();
        ASSERT_TRUE(net::send_parcel(theirs.get(), answer, {}, deadline::in(milliseconds{0})));
        const std::string why = refusal(std::move(ours));
        EXPECT_TRUE(why == "no reason" || why.find("an unknown reply") != why.npos);
    }
    {
        auto [ours, theirs] = channel(); // reads nothing, answers nothing
        EXPECT_EQ(refusal(std::move(ours)), "the other process took too long");
    }
    ASSERT_TRUE(still_answers(node));
    raw_node late{port()};
    late.send(foreign_registration("members", 9020));
    EXPECT_TRUE(late.knows(2)) << "the old worker accepts again";
    EXPECT_TRUE(node.knows(2));
    roll();
    EXPECT_TRUE(still_answers(node)) << "the old worker can still hand over";
}

// A new worker that dies after it has received everything and before GO.
TEST_F(handover, continues_in_the_old_worker_when_the_new_worker_dies_before_it_serves) {
    begin();
    std::vector<raw_node> nodes;
    for (std::size_t i = 0; i < 100; ++i) {
        nodes.emplace_back(port());
        ASSERT_TRUE(still_answers(nodes.back()));
    }
    auto [ours, theirs] = channel();
    present->tell(kind::hand_over, ours);
    ours.reset();
    std::size_t sockets = 0;
    std::vector<net::parcel> got;
    while (sockets < nodes.size()) {
        auto next = net::receive_parcel(theirs.get(), deadline::in(raw_node::patience));
        ASSERT_TRUE(next);
        sockets += next->text == "SOCKETS" ? next->descriptors.size() : 0;
        got.push_back(std::move(*next));
    }
    got.clear();
    theirs.reset();
    EXPECT_TRUE(present->says(kind::kept));
    for (raw_node& node : nodes) {
        EXPECT_TRUE(still_answers(node));
    }
}

TEST_F(handover, is_refused_by_a_new_worker_that_receives_a_malformed_state) {
    begin();
    const std::vector<std::string> lies{
        "",
        "SOCKETS",
        "GO",
        "STATE",
        "STATE 1 1",
        "STATE x",
        "STATE 1 99999999999",
        std::string(net::parcel_bytes_max, 'x')};
    for (const std::string& lie : lies) {
        auto [ours, theirs] = channel();
        const auto fresh = candidate(std::move(theirs));
        ASSERT_TRUE(net::send_parcel(ours.get(), lie, {}, deadline::in(raw_node::patience)));
        const auto answer = net::receive_parcel(ours.get(), deadline::in(raw_node::patience));
        if (answer) {
            EXPECT_EQ(answer->text.substr(0, 8), "REFUSED ") << lie;
        } else {
            EXPECT_EQ(answer.error().code, errc::closed) << lie;
        }
        raw_node node{port()};
        EXPECT_TRUE(still_answers(node));
    }
}

TEST_F(handover, starts_without_state_only_when_the_master_reports_the_end_of_the_old_worker) {
    begin();
    auto [ours, theirs] = channel();
    auto fresh = candidate(std::move(theirs));
    ours.reset();
    present.reset();
    raw_node waiting{fresh->port()}; // in the queue of the socket
    waiting.send(ping);
    EXPECT_FALSE(waiting.read(milliseconds{200}));
    fresh->tell(kind::serve);
    EXPECT_TRUE(read_reply(waiting, pong_key));
}

TEST_F(handover, starts_without_state_when_the_channel_ends_after_that_report) {
    begin();
    auto [ours, theirs] = channel();
    auto fresh = candidate(std::move(theirs));
    fresh->tell(kind::serve);
    present.reset();
    ours.reset();
    raw_node node{fresh->port()};
    EXPECT_TRUE(still_answers(node));
}

} // namespace
} // namespace msd::testing_roles
