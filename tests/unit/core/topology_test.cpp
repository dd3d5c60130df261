// SPDX-License-Identifier: Apache-2.0
#include "core/registration.hpp"
#include "core/topology.hpp"
#include "core/topology_frames.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using outcome = topology::outcome;

std::string entry(const std::string& name, int port, const std::string& more = "") {
    return R"({"port":)" + std::to_string(port) + R"(,"name":")" + name +
           R"(","urls":[],"host":"127.0.0.1")" + more + "}";
}

std::string identity(const std::string& name, std::uint16_t port) {
    std::string text;
    append_identity(text, {name, "127.0.0.1", port});
    return text;
}

result<outcome> feed(topology& known, std::string frame) {
    if (frame.ends_with(wire::terminator)) {
        frame.resize(frame.size() - wire::terminator.size());
    }
    wire::packet packet;
    EXPECT_TRUE(packet.parse(frame)) << frame;
    return known.apply(packet);
}

std::string names(const topology& known) {
    std::string list;
    for (const node_info& node : known.nodes()) {
        list += node.id.name + (node.critical ? "! " : " ");
    }
    return list;
}

// Knows a and b at epoch 7, rev 3.
topology settled() {
    topology known;
    const std::string entries = entry("a", 1) + "," + entry("b", 2);
    EXPECT_EQ(feed(known, snapshot_frame({7, 3}, {entries, 0, false})).value(), outcome::changed);
    return known;
}

TEST(topology, applies_the_list_of_a_foreign_distributor) {
    topology known;
    const std::string list = entry("a", 1, R"(,"zone":{"x":1})") + "," + entry("b", 2);
    EXPECT_EQ(feed(known, list_frame(list)).value(), outcome::changed);
    EXPECT_EQ(names(known), "a b ");
    EXPECT_EQ(known.nodes()[0].extra_members, R"("zone":{"x":1})");
    EXPECT_FALSE(known.from_msd());
    EXPECT_EQ(feed(known, list_frame(list)).value(), outcome::unchanged);
    EXPECT_EQ(feed(known, list_frame("")).value(), outcome::changed);
    EXPECT_TRUE(known.nodes().empty());
}

TEST(topology, reads_mapped_hosts_and_textual_ports_of_a_foreign_distributor) {
    topology known;
    const std::string odd = R"({"host":"::ffff:127.0.0.1","urls":[],"name":"a","port":"9051"})";
    EXPECT_EQ(feed(known, list_frame(odd)).value(), outcome::changed);
    EXPECT_EQ(known.nodes()[0].id, (node_id{"a", "127.0.0.1", 9051}));
}

TEST(topology, leaves_out_malformed_entries_and_repeated_nodes) {
    topology known;
    const std::string list = entry("a", 1) + R"(,null,5,{},{"name":"x"},)" + entry("a", 1) + "," +
                             entry("b", 0) + "," + entry("c", 3);
    EXPECT_EQ(feed(known, list_frame(list)).value(), outcome::changed);
    EXPECT_EQ(names(known), "a c ");
}

TEST(topology, ignores_other_packets) {
    topology known = settled();
    EXPECT_EQ(feed(known, R"({"uri":"/ping","method":"GET","key":1})").value(), outcome::ignored);
    EXPECT_EQ(
        feed(known, R"({"uri":"/distributes","method":"POST","params":[]})").value(),
        outcome::ignored
    );
    EXPECT_EQ(feed(known, R"({"key":1,"errorcode":0})").value(), outcome::ignored);
    EXPECT_EQ(names(known), "a b ");
}

TEST(topology, is_not_changed_by_malformed_packets) {
    topology known = settled();
    const std::string head = R"({"uri":"/distributes","method":"GET","key":0)";
    const std::string msd = head + R"(,"proto":2,"epoch":7,"rev":4,"since":3)";
    for (const std::string& bad : {
             head + "}",
             head + R"(,"params":null})",
             head + R"(,"params":{}})",
             head + R"(,"params":"[]"})",
             head + R"(,"proto":2,"params":[]})",
             head + R"(,"proto":2,"epoch":7,"params":[]})",
             head + R"(,"proto":2,"epoch":-1,"rev":1,"params":[]})",
             msd + R"(,"params":5})",
             msd + R"(,"changes":[]})",
             msd + R"(,"changes":{}})",
             msd + R"(,"changes":{"add":[]}})",
             msd + R"(,"changes":{"add":{},"remove":[]}})",
         }) {
        EXPECT_FALSE(feed(known, bad)) << bad;
        EXPECT_EQ(names(known), "a b ");
        EXPECT_EQ(known.rev(), 3U);
    }
}

TEST(topology, follows_changes) {
    topology known = settled();
    const auto changes = [](revision now) {
        return changes_frame(now, {3, entry("c", 3), identity("a", 1)});
    };
    EXPECT_EQ(feed(known, changes({7, 5})).value(), outcome::changed);
    EXPECT_EQ(names(known), "b c ");
    EXPECT_EQ(known.rev(), 5U);
    EXPECT_EQ(known.epoch(), 7U);
    EXPECT_TRUE(known.from_msd());
}

TEST(topology, replaces_an_entry_at_its_place) {
    topology known = settled();
    const auto changes = [](revision now) {
        return changes_frame(now, {3, entry("a", 1, R"(,"proto":2)"), ""});
    };
    EXPECT_EQ(feed(known, changes({7, 4})).value(), outcome::changed);
    EXPECT_EQ(names(known), "a b ");
    EXPECT_EQ(known.nodes()[0].proto, 2);
}

TEST(topology, moves_a_node_that_is_removed_and_added_to_the_end) {
    topology known = settled();
    const auto lost = [](revision now) {
        return changes_frame(now, {3, as_critical(entry("a", 1)), ""});
    };
    EXPECT_EQ(feed(known, lost({7, 3})).value(), outcome::changed);
    EXPECT_EQ(names(known), "a! b ");
    const auto back = [](revision now) {
        return changes_frame(now, {3, entry("a", 1), identity("a", 1)});
    };
    EXPECT_EQ(feed(known, back({7, 3})).value(), outcome::changed);
    EXPECT_EQ(names(known), "b a ");
    EXPECT_EQ(known.rev(), 3U);
}

TEST(topology, reports_changes_that_do_not_follow_the_known_revision) {
    topology known = settled();
    const auto too_new = [](revision now) {
        return changes_frame(now, {4, entry("c", 3), ""});
    };
    EXPECT_EQ(feed(known, too_new({7, 5})).value(), outcome::gap);
    const auto other_epoch = [](revision now) {
        return changes_frame(now, {3, entry("c", 3), ""});
    };
    EXPECT_EQ(feed(known, other_epoch({8, 4})).value(), outcome::gap);
    EXPECT_EQ(names(known), "a b ");
    EXPECT_EQ(known.rev(), 3U);
}

TEST(topology, shows_a_snapshot_when_its_last_part_has_arrived) {
    topology known = settled();
    const revision next{8, 1};
    EXPECT_EQ(
        feed(known, snapshot_frame(next, {entry("x", 1), 0, true})).value(),
        outcome::incomplete
    );
    EXPECT_EQ(names(known), "a b ");
    EXPECT_EQ(known.epoch(), 7U);
    EXPECT_EQ(
        feed(known, snapshot_frame(next, {entry("y", 2), 1, false})).value(),
        outcome::changed
    );
    EXPECT_EQ(names(known), "x y ");
    EXPECT_EQ(known.epoch(), 8U);
    EXPECT_EQ(known.rev(), 1U);
}

TEST(topology, starts_again_with_the_first_part_and_notices_a_missing_one) {
    topology known = settled();
    EXPECT_EQ(
        feed(known, snapshot_frame({8, 1}, {entry("x", 1), 0, true})).value(),
        outcome::incomplete
    );
    EXPECT_EQ(
        feed(known, snapshot_frame({8, 2}, {entry("y", 2), 0, true})).value(),
        outcome::incomplete
    );
    EXPECT_EQ(feed(known, snapshot_frame({8, 2}, {entry("z", 3), 2, false})).value(), outcome::gap);
    EXPECT_EQ(
        feed(known, snapshot_frame({8, 2}, {entry("z", 3), 1, false})).value(),
        outcome::changed
    );
    EXPECT_EQ(names(known), "y z ");
}

TEST(topology, learns_from_an_announcement_only_that_the_distributor_is_msds) {
    topology known;
    EXPECT_EQ(feed(known, announcement_frame({9, 9})).value(), outcome::unchanged);
    EXPECT_TRUE(known.from_msd());
    EXPECT_EQ(known.epoch(), 0U);
    EXPECT_EQ(known.rev(), 0U);
}

TEST(topology, forgets_the_revision_when_a_foreign_distributor_takes_over) {
    topology known = settled();
    EXPECT_EQ(feed(known, list_frame(entry("a", 1))).value(), outcome::changed);
    EXPECT_FALSE(known.from_msd());
    EXPECT_EQ(known.epoch(), 0U);
    const auto late = [](revision now) {
        return changes_frame(now, {3, entry("c", 3), ""});
    };
    EXPECT_EQ(feed(known, late({7, 4})).value(), outcome::gap);
}

// Compared with the simplest model: a list that is searched from its beginning.
TEST(topology, keeps_its_order_through_any_changes) {
    constexpr int names_max = 12;
    constexpr std::uint64_t changes = 2000;
    std::minstd_rand random{1};
    topology known;
    std::vector<std::string> expected;
    ASSERT_TRUE(feed(known, snapshot_frame({7, 0}, {"", 0, false})));
    for (std::uint64_t rev = 1; rev <= changes; ++rev) {
        std::string added;
        std::string removed;
        for (int i = 0; i < 3; ++i) {
            const std::string gone = "n" + std::to_string(random() % names_max);
            removed += (i == 0 ? "" : ",") + entry(gone, 1);
            std::erase(expected, gone);
        }
        for (int i = 0; i < 3; ++i) {
            const std::string come = "n" + std::to_string(random() % names_max);
            added += (i == 0 ? "" : ",") + entry(come, 1);
            if (std::find(expected.begin(), expected.end(), come) == expected.end()) {
                expected.push_back(come);
            }
        }
        ASSERT_TRUE(feed(known, changes_frame({7, rev}, {rev - 1, added, removed})));
        std::string in_order;
        for (const std::string& name : expected) {
            in_order += name + " ";
        }
        ASSERT_EQ(names(known), in_order);
    }
}

TEST(topology, applies_a_list_over_the_limit) {
    std::string list = entry("n", 1);
    for (std::size_t i = 0; i < nodes_max + 10; ++i) {
        list += "," + entry("n" + std::to_string(i), 1);
    }
    topology known;
    EXPECT_EQ(feed(known, list_frame(list)).value(), outcome::changed);
    EXPECT_EQ(known.nodes().size(), nodes_max);
}

} // namespace
} // namespace msd::core
