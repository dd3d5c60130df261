// SPDX-License-Identifier: Apache-2.0
// Peers of the registry that have to prove the cluster secret.
#include "core/registry.hpp"
#include "core/topology.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace msd::core {
namespace {

class registry_proof : public testing::Test {
protected:
    using peer_id = registry::peer_id;

    peer_id connect_unproven() {
        const peer_id id = distributor.connect_unproven("10.0.0.9");
        pass_a_second();
        return id;
    }

    void enroll(const std::string& name) {
        const peer_id id = distributor.connect("127.0.0.1", now);
        node_info made;
        made.id = {name, "", 9010};
        ASSERT_TRUE(distributor.enroll(id, {made, {}, {}}, now));
        pass_a_second();
    }

    // Long enough for everything that is gathered.
    void pass_a_second() {
        const time_point end = now + milliseconds{1000};
        while (distributor.due() <= end) {
            now = std::max(now, distributor.due());
            for (const auto& [to, what] : distributor.advance(now, [](auto...) { return true; })) {
                frames[to] += *what;
            }
        }
        now = end;
    }

    void hand_over() {
        std::string bytes;
        binary_writer out{bytes};
        distributor.write(out);
        binary_reader in{bytes};
        auto again = registry::read(in, {}, distributor.last_list());
        ASSERT_TRUE(again && in.is_complete());
        distributor = std::move(*again);
    }

    time_point now{milliseconds{1'000'000}};
    registry distributor{7, {}};
    std::map<peer_id, std::string> frames;
};

TEST_F(registry_proof, sends_an_unproven_peer_nothing_at_accept_and_no_list_later) {
    enroll("before");
    const peer_id silent = connect_unproven();
    enroll("goods");
    hand_over();
    enroll("members");
    EXPECT_EQ(frames[silent], "");
    EXPECT_FALSE(distributor.is_admitted(silent));
    EXPECT_FALSE(distributor.is_proven(silent));
}

TEST_F(registry_proof, treats_a_proven_peer_as_any_other_and_keeps_that_in_a_handover) {
    const peer_id peer = connect_unproven();
    distributor.prove(peer);
    hand_over();
    EXPECT_TRUE(distributor.is_proven(peer));
    EXPECT_TRUE(distributor.is_admitted(peer));
    enroll("goods");
    EXPECT_NE(frames[peer].find("goods"), std::string::npos);
}

TEST_F(registry_proof, sends_a_peer_that_follows_the_protocol_of_each_node) {
    enroll("goods");
    const peer_id tool = connect_unproven();
    distributor.prove(tool);
    distributor.follow(tool, now);
    pass_a_second();
    EXPECT_NE(frames[tool].find(R"("epoch":7)"), std::string::npos) << frames[tool];
    EXPECT_NE(frames[tool].find("goods"), std::string::npos);
    frames.clear();
    enroll("members");
    EXPECT_NE(frames[tool].find(R"("changes")"), std::string::npos) << frames[tool];
}

TEST_F(registry_proof, sends_an_admitted_peer_the_list) {
    enroll("goods");
    const peer_id peer = connect_unproven();
    distributor.admit(peer);
    pass_a_second();
    EXPECT_NE(frames[peer].find("goods"), std::string::npos);
    EXPECT_FALSE(distributor.is_proven(peer));
}

} // namespace
} // namespace msd::core
