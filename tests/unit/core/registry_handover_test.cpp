// SPDX-License-Identifier: Apache-2.0
#include "core/registry_handover.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace msd::core {
namespace {

constexpr registry_settings settings;
constexpr time_point start{milliseconds{1'000'000}};

registration of(const std::string& name, int proto = 1) {
    registration said;
    said.node.id = {name, "", 9010};
    said.node.proto = proto;
    return said;
}

bool always(registry::peer_id /*id*/, std::size_t /*bytes*/) {
    return true;
}

// A registry with one of everything it can hold, and a queue of each kind.
class handover_test : public testing::Test {
protected:
    handover_test() {
        const auto foreign = add("goods", 1);
        const auto msd = add("gate", 2);
        const auto lost = add("members", 1);
        registration more = of("gate", 2);
        more.have = revision{};
        more.interest = {"goods", "members"};
        EXPECT_TRUE(state.enroll(msd, more, start));
        static_cast<void>(state.advance(start + milliseconds{200}, always));
        state.disconnect(lost, start + milliseconds{300});
        state.deregister(msd, "\"bye\"", start + milliseconds{300});
        static_cast<void>(state.advance(start + milliseconds{301}, always));
        connections.resize(2);
        connections[0].id = foreign;
        connections[0].bad_frames = 3;
        connections[0].unread = R"({"uri":"/dis)";
        connections[0].frame_until = start + milliseconds{30'000};
        connections[0].unsent = {
            {nullptr, "own"},
            {list, *list},
            {list, std::string_view{*list}.substr(7)}};
        connections[1].id = msd;
        connections[1].unanswered_pings = 2;
        connections[1].ended_until = start + milliseconds{5000};
        connections[1].unsent = {{list, *list}};
    }

    registry::peer_id add(const std::string& name, int proto) {
        const auto id = state.connect("127.0.0.1", start);
        EXPECT_TRUE(state.enroll(id, of(name, proto), start));
        static_cast<void>(state.advance(start, always));
        return id;
    }

    [[nodiscard]] std::string bytes() const {
        auto made = write_handover(state, connections);
        EXPECT_TRUE(made);
        return made.value_or("");
    }

    registry state{7, settings};
    std::shared_ptr<const std::string> list =
        std::make_shared<const std::string>(std::size_t{100'000}, 'x');
    std::vector<carried_connection> connections;
};

TEST_F(handover_test, preserves_every_connection) {
    const std::string written = bytes();
    const auto read = read_handover(written, settings);
    ASSERT_TRUE(read) << read.error().text;
    ASSERT_EQ(read->connections.size(), connections.size());
    for (std::size_t i = 0; i < connections.size(); ++i) {
        const carried_connection& before = connections[i];
        const carried_connection& after = read->connections[i];
        EXPECT_EQ(after.id, before.id);
        EXPECT_EQ(after.bad_frames, before.bad_frames);
        EXPECT_EQ(after.unanswered_pings, before.unanswered_pings);
        EXPECT_EQ(after.frame_until, before.frame_until);
        EXPECT_EQ(after.ended_until, before.ended_until);
        EXPECT_EQ(after.unread, before.unread);
        ASSERT_EQ(after.unsent.size(), before.unsent.size());
        for (std::size_t piece = 0; piece < before.unsent.size(); ++piece) {
            EXPECT_EQ(after.unsent[piece].bytes, before.unsent[piece].bytes);
        }
    }
    EXPECT_EQ(read->state.nodes().now(), state.nodes().now());
    EXPECT_EQ(*read->state.last_list(), *state.last_list());
}

registry::peer_id add_otherwise(registry& to, const std::string& url, bool is_proven) {
    const auto id = to.connect("127.0.0.1", start);
    if (is_proven) {
        to.prove(id);
    }
    registration otherwise = of("goods");
    otherwise.node.urls = {url};
    EXPECT_TRUE(to.enroll(id, otherwise, start + milliseconds{400}));
    return id;
}

std::string listed(const registry& of) {
    std::string all;
    for (const auto& node : of.nodes().foreign_nodes()) {
        all += node->foreign;
    }
    return all;
}

TEST_F(handover_test, preserves_the_descriptions_of_every_holder) {
    const auto weak = add_otherwise(state, "GET/weak", false);
    const auto proven = add_otherwise(state, "GET/proven", true);
    connections.resize(4);
    connections[2].id = weak;
    connections[3].id = proven;
    static_cast<void>(state.advance(start + milliseconds{600}, always));
    const std::string written = bytes();
    auto read = read_handover(written, settings);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(write_handover(read->state, read->connections).value_or(""), written);
    registry& next = read->state;
    EXPECT_NE(listed(next).find("GET/proven"), std::string::npos);
    ASSERT_EQ(next.nodes().contradictions(10).size(), 1U);
    EXPECT_EQ(next.nodes().contradictions(10)[0].others.size(), 2U);
    next.disconnect(proven, start + milliseconds{700});
    EXPECT_NE(listed(next).find("\"urls\":[]"), std::string::npos) << "the first one again";
    next.disconnect(connections[0].id, start + milliseconds{700});
    EXPECT_NE(listed(next).find("GET/weak"), std::string::npos);
}

TEST_F(handover_test, preserves_the_room_of_nodes_that_left) {
    registry_settings narrow = settings;
    narrow.limits.total.entries = 3;
    narrow.limits.reserved_percent = 0;
    registry before{7, narrow};
    const auto leaving = before.connect("127.0.0.1", start);
    ASSERT_TRUE(before.enroll(leaving, of("known"), start));
    before.deregister(leaving, "1", start + milliseconds{60'000});
    carried_connection only;
    only.id = leaving;
    const std::string written = write_handover(before, std::vector{only}).value_or("");
    auto read = read_handover(written, narrow);
    ASSERT_TRUE(read) << read.error().text;
    registry& next = read->state;
    const time_point later = start + milliseconds{61'000};
    const auto connect = [&next, later] {
        return next.connect("127.0.0.1", later);
    };
    EXPECT_TRUE(next.enroll(connect(), of("a"), later));
    EXPECT_TRUE(next.enroll(connect(), of("b"), later));
    EXPECT_FALSE(next.enroll(connect(), of("c"), later));
    EXPECT_TRUE(next.enroll(connect(), of("known"), later));
}

TEST_F(handover_test, continues_what_was_sent_in_part) {
    registry before{7, settings};
    std::vector<carried_connection> peers(60);
    for (carried_connection& each : peers) {
        each.id = before.connect("127.0.0.1", start);
        registration large = of("n" + std::to_string(each.id));
        large.node.urls.assign(100, std::string(1020, 'x'));
        ASSERT_TRUE(before.enroll(each.id, large, start));
    }
    const time_point later = start + milliseconds{200};
    std::set<registry::peer_id> served;
    const auto step = [&](registry& of) {
        for (const auto& [to, what] : of.advance(later, always)) {
            if (what->size() > 5'000'000) {
                served.insert(to);
            }
        }
    };
    step(before);
    ASSERT_LE(before.due(), later) << "there is more to do";
    const std::string written = write_handover(before, peers).value_or("");
    auto read = read_handover(written, settings);
    ASSERT_TRUE(read) << read.error().text;
    for (int steps = 0; read->state.due() <= later && steps < 1000; ++steps) {
        step(read->state);
    }
    EXPECT_EQ(served.size(), peers.size());
}

TEST_F(handover_test, writes_bytes_that_several_queues_share_once) {
    const std::string written = bytes();
    EXPECT_LT(written.size(), 2 * list->size() + 10'000);
    const auto read = read_handover(written, settings);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->connections[0].unsent[1].owner, read->connections[1].unsent[0].owner);
}

TEST_F(handover_test, writes_the_same_bytes_after_reading) {
    const std::string written = bytes();
    const auto read = read_handover(written, settings);
    ASSERT_TRUE(read);
    EXPECT_EQ(write_handover(read->state, read->connections).value_or(""), written);
}

TEST_F(handover_test, refuses_another_version_by_its_number) {
    std::string written = bytes();
    const std::size_t place = 1 + std::string_view{"msd registry"}.size();
    ASSERT_EQ(written[place], static_cast<char>(handover_version));
    written[place] = static_cast<char>(handover_version + 1);
    const auto read = read_handover(written, settings);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, errc::invalid);
    const std::string other = std::to_string(handover_version + 1);
    const std::string own = std::to_string(handover_version);
    EXPECT_EQ(read.error().text, "the state of the registry has version " + other + ", not " + own);
}

TEST_F(handover_test, refuses_truncated_bytes_and_additional_bytes) {
    list = std::make_shared<const std::string>("a short one");
    connections[0].unsent = {{list, *list}};
    connections[1].unsent.clear();
    const std::string written = bytes();
    for (std::size_t length = 0; length < written.size(); ++length) {
        EXPECT_FALSE(read_handover(std::string_view{written}.substr(0, length), settings));
    }
    EXPECT_FALSE(read_handover(written + '\0', settings));
}

TEST_F(handover_test, refuses_peers_without_a_connection_and_connections_without_a_peer) {
    connections.pop_back();
    EXPECT_FALSE(read_handover(bytes(), settings));
    connections.resize(2);
    connections[1].id = 99;
    EXPECT_FALSE(read_handover(bytes(), settings));
    connections[1].id = connections[0].id;
    EXPECT_FALSE(read_handover(bytes(), settings));
}

// A state that was read can be used: it is written again, sent to all, and all connections leave.
TEST_F(handover_test, reads_or_refuses_damaged_bytes) {
    list = std::make_shared<const std::string>("a short one");
    connections[0].unsent = {{list, *list}};
    connections[1].unsent.clear();
    const std::string written = bytes();
    std::minstd_rand random{1};
    std::size_t understood = 0;
    for (std::size_t place = 0; place < written.size(); ++place) {
        for (int i = 0; i < 20; ++i) {
            std::string damaged = written;
            damaged[place] = static_cast<char>(random());
            auto read = read_handover(damaged, settings);
            if (!read) {
                continue;
            }
            ++understood;
            EXPECT_TRUE(write_handover(read->state, read->connections));
            for (const registry::peer_id id : read->state.peer_ids()) {
                read->state.resume(id, start);
                read->state.disconnect(id, start);
            }
            static_cast<void>(read->state.advance(time_point{milliseconds{3'000'000}}, always));
        }
    }
    EXPECT_GT(understood, 0U);
}

} // namespace
} // namespace msd::core
