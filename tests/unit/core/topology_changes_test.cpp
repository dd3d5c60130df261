// SPDX-License-Identifier: Apache-2.0
// What a topology reports as changed, what that costs, and its limits.
#include "core/registration.hpp"
#include "core/topology.hpp"
#include "core/topology_frames.hpp"

#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using outcome = topology::outcome;

std::string entry_of(const std::string& name, int port, std::size_t urls = 0, char mark = 'x') {
    std::string text = R"({"port":)" + std::to_string(port) + R"(,"name":")" + name +
                       R"(","host":"127.0.0.1","urls":[)";
    for (std::size_t url = 0; url < urls; ++url) {
        text += (url == 0 ? "\"GET/" : ",\"GET/") + std::string{mark} + std::to_string(url) + "\"";
    }
    return text + "]}";
}

std::string identity_of(const std::string& name, std::uint16_t port) {
    std::string text;
    append_identity(text, {name, "127.0.0.1", port});
    return text;
}

std::string without_end(std::string frame) {
    frame.resize(frame.size() - wire::terminator.size());
    return frame;
}

outcome apply_frame(topology& known, std::string frame) {
    const std::string text = without_end(std::move(frame));
    wire::packet packet;
    EXPECT_TRUE(packet.parse(text));
    return known.apply(packet).value();
}

// "+a ~b -c": added, changed and removed nodes.
std::string changes_of(topology& known) {
    std::string text;
    for (const node_change& change : known.take_changes()) {
        const auto& node = change.after ? change.after : change.before;
        text += change.before == nullptr ? '+' : change.after == nullptr ? '-' : '~';
        text += node->info.id.name + " ";
    }
    return text;
}

TEST(topology_changes, are_reported_once_and_removals_first) {
    topology known;
    const std::string all = entry_of("z", 1) + "," + entry_of("b", 2) + "," + entry_of("c", 3);
    apply_frame(known, list_frame(all));
    EXPECT_EQ(changes_of(known), "+z +b +c ");
    EXPECT_EQ(changes_of(known), "");
    apply_frame(
        known,
        list_frame(entry_of("z", 1, 1) + "," + entry_of("c", 3) + "," + entry_of("a", 4))
    );
    EXPECT_EQ(changes_of(known), "-b ~z +a ");
}

TEST(topology_changes, of_one_node_are_reported_together) {
    topology known;
    apply_frame(
        known,
        snapshot_frame({7, 0}, {entry_of("a", 1) + "," + entry_of("b", 2), 0, false})
    );
    changes_of(known);
    EXPECT_EQ(
        apply_frame(known, changes_frame({7, 1}, {0, entry_of("a", 1, 1), ""})),
        outcome::changed
    );
    apply_frame(known, changes_frame({7, 2}, {1, entry_of("a", 1, 2), ""}));
    apply_frame(known, changes_frame({7, 3}, {2, entry_of("c", 3), ""}));
    apply_frame(known, changes_frame({7, 4}, {3, "", identity_of("c", 3)}));
    apply_frame(known, changes_frame({7, 5}, {4, entry_of("b", 2, 3), ""}));
    apply_frame(known, changes_frame({7, 6}, {5, entry_of("b", 2), ""}));
    const auto changes = known.take_changes();
    ASSERT_EQ(changes.size(), 1U) << "c has come and gone, and b is as before";
    EXPECT_EQ(changes[0].before->info.urls.size(), 0U);
    EXPECT_EQ(changes[0].after->info.urls.size(), 2U);
}

TEST(topology_changes, are_none_when_only_the_text_of_an_entry_differs) {
    topology known;
    apply_frame(known, list_frame(entry_of("a", 1, 2)));
    changes_of(known);
    std::string spaced = entry_of("a", 1, 2);
    spaced.insert(1, "  ");
    EXPECT_EQ(apply_frame(known, list_frame(spaced)), outcome::unchanged);
    EXPECT_EQ(changes_of(known), "");
}

// 100 nodes with 1,000 urls each, of which one changes: the work does not depend on the others.
TEST(topology_changes, cost_the_reading_of_the_entries_that_changed) {
    std::vector<std::string> entries;
    for (int port = 1; port <= 50; ++port) {
        entries.push_back(entry_of("n" + std::to_string(port), port, 1000));
    }
    const auto joined = [&entries] {
        std::string text;
        for (const std::string& each : entries) {
            text += (text.empty() ? "" : ",") + each;
        }
        return text;
    };
    topology known;
    apply_frame(known, list_frame(joined()));
    EXPECT_EQ(known.entries_read(), 50U);
    apply_frame(known, list_frame(joined()));
    EXPECT_EQ(known.entries_read(), 50U) << "an equal list";
    entries[20] = entry_of("n21", 21, 999);
    entries.erase(entries.begin() + 5);
    entries.insert(entries.begin(), entry_of("new", 99));
    apply_frame(known, list_frame(joined()));
    // The entry behind the one that left is compared by its identity, and read for that.
    EXPECT_LE(known.entries_read(), 50U + 4U);
    changes_of(known);
    const std::uint64_t before = known.entries_read();
    std::string snapshot;
    apply_frame(known, snapshot_frame({7, 1}, {joined(), 0, false}));
    EXPECT_EQ(known.entries_read(), before) << "the same entries from another distributor";
    apply_frame(known, changes_frame({7, 2}, {1, entry_of("n21", 21, 1000), ""}));
    EXPECT_EQ(known.entries_read(), before + 1);
    EXPECT_EQ(changes_of(known), "~n21 ");
}

TEST(topology_changes, are_applied_in_steps) {
    topology known;
    std::string entries;
    for (int port = 1; port <= 20; ++port) {
        entries += (port == 1 ? "" : ",") + entry_of("n", port, 10);
    }
    const auto steps_of = [&known](const std::string& text) {
        auto packet = read_topology(text);
        EXPECT_TRUE(packet);
        int steps = 0;
        auto done = known.begin(std::move(*packet));
        while (!done) {
            done = known.step(1);
            ++steps;
        }
        EXPECT_EQ(done->value(), outcome::changed);
        return steps;
    };
    const std::string list = without_end(list_frame(entries));
    EXPECT_GE(steps_of(list), 20);
    EXPECT_EQ(known.size(), 20U);
    apply_frame(known, snapshot_frame({7, 0}, {entry_of("other", 1), 0, false}));
    const std::string added =
        without_end(changes_frame({7, 1}, {0, entries, identity_of("other", 1)}));
    EXPECT_GE(steps_of(added), 21);
    EXPECT_EQ(known.size(), 20U);
    EXPECT_EQ(known.rev(), 1U);
}

// A packet that is given up in the middle: its connection has ended.
TEST(topology_changes, of_a_list_show_only_when_it_is_complete) {
    topology known;
    apply_frame(known, list_frame(entry_of("a", 1)));
    const std::string text = without_end(list_frame(entry_of("b", 2) + "," + entry_of("c", 3)));
    EXPECT_FALSE(known.begin(*read_topology(text)));
    EXPECT_FALSE(known.step(1));
    EXPECT_EQ(known.nodes()[0].id.name, "a");
    apply_frame(known, list_frame(entry_of("d", 4)));
    EXPECT_EQ(known.nodes()[0].id.name, "d");
    EXPECT_EQ(known.size(), 1U);
}

TEST(topology_limits, ignore_the_routes_of_further_nodes_until_there_is_room) {
    topology known;
    std::string entries;
    for (int port = 1; port <= 101; ++port) {
        entries += (port == 1 ? "" : ",") + entry_of("n", port, 1000);
    }
    entries += "," + entry_of("small", 1, 1);
    apply_frame(known, snapshot_frame({7, 0}, {entries, 0, false}));
    EXPECT_EQ(known.size(), 102U);
    EXPECT_EQ(known.nodes_without_routes(), 2U);
    EXPECT_EQ(known.nodes()[100].urls.size(), 0U);
    changes_of(known);
    apply_frame(known, changes_frame({7, 1}, {0, entry_of("n", 1, 999, 'y'), ""}));
    EXPECT_EQ(known.nodes_without_routes(), 2U) << "the first of them does not fit yet";
    const std::uint64_t read = known.entries_read();
    apply_frame(known, changes_frame({7, 2}, {1, entry_of("n", 2, 1, 'y'), ""}));
    EXPECT_EQ(known.nodes_without_routes(), 1U);
    EXPECT_EQ(known.nodes()[100].urls.size(), 1000U);
    EXPECT_EQ(changes_of(known), "~n ~n ~n ");
    EXPECT_EQ(known.entries_read(), read + 2);
    apply_frame(known, changes_frame({7, 3}, {2, "", identity_of("n", 3)}));
    EXPECT_EQ(known.nodes_without_routes(), 0U);
    EXPECT_EQ(known.nodes().back().urls.size(), 1U);
    EXPECT_EQ(apply_frame(known, snapshot_frame({7, 9}, {entries, 0, false})), outcome::changed);
    EXPECT_EQ(known.nodes_without_routes(), 2U);
    EXPECT_EQ(apply_frame(known, snapshot_frame({7, 9}, {entries, 0, false})), outcome::unchanged);
}

TEST(topology_limits, ignore_entries_beyond_their_total_size) {
    topology known;
    const std::string large(120'000, 'x');
    std::size_t parts = 0;
    for (int port = 1; port <= 400; port += 4) {
        std::string entries;
        for (int next = port; next < port + 4; ++next) {
            std::string text = entry_of("n", next);
            text.insert(1, R"("more":")" + large + R"(",)");
            entries += (next == port ? "" : ",") + text;
        }
        apply_frame(known, snapshot_frame({7, 0}, {entries, parts++, port < 397}));
    }
    EXPECT_EQ(known.size(), listed_bytes_max / (large.size() + entry_of("n", 100).size() + 10));
    apply_frame(known, changes_frame({7, 1}, {0, entry_of("small", 1), ""}));
    EXPECT_GT(known.size(), 270U);
}

// Lists and changes in random order: the reported changes lead from one list to the next.
TEST(topology_changes, lead_from_any_list_to_any_other) {
    std::minstd_rand random{3};
    topology known;
    std::map<node_id, node_info> followed;
    std::uint64_t rev = 0;
    apply_frame(known, snapshot_frame({7, 0}, {"", 0, false}));
    for (int step = 0; step < 500; ++step) {
        std::string entries;
        std::string gone;
        for (int port = 1; port <= 8; ++port) {
            if (random() % 2 == 0) {
                entries += (entries.empty() ? "" : ",") + entry_of("n", port, random() % 3);
            } else if (random() % 2 == 0) {
                gone +=
                    (gone.empty() ? "" : ",") + identity_of("n", static_cast<std::uint16_t>(port));
            }
        }
        if (random() % 3 == 0) {
            apply_frame(known, snapshot_frame({7, rev}, {entries, 0, false}));
        } else {
            apply_frame(known, changes_frame({7, rev + 1}, {rev, entries, gone}));
            ++rev;
        }
        if (random() % 2 == 0) {
            continue; // reported with the next ones
        }
        for (const node_change& change : known.take_changes()) {
            const node_id& id = (change.after ? change.after : change.before)->info.id;
            ASSERT_EQ(followed.contains(id), change.before != nullptr);
            if (change.before) {
                ASSERT_EQ(followed[id], change.before->info);
            }
            if (change.after) {
                followed[id] = change.after->info;
            } else {
                followed.erase(id);
            }
        }
        ASSERT_EQ(followed.size(), known.size());
        for (const node_info& node : known.nodes()) {
            ASSERT_EQ(followed.at(node.id), node);
        }
    }
}

TEST(topology_reader, reads_the_same_in_one_step_and_in_many) {
    const std::string changes =
        without_end(changes_frame({7, 2}, {1, entry_of("a", 1), identity_of("b", 2)}));
    const std::string list = without_end(list_frame(entry_of("a", 1) + " , 5,[ ], null"));
    for (const std::string& text : {
             changes,
             list,
             std::string{R"( {"uri":"/distributes","method":"GET","proto":2,"epoch":1,"rev":2} )"},
             std::string{R"({"uri":"/distributes","method":"GET","params":[1],"params":{}})"},
             std::string{R"({"changes":{},"uri":"x","changes":{"add":[1,2],"add":[3]}})"},
             std::string{R"({"p\u0061rams":[1,{"a":[2]}],"more":true,"part":3})"},
             std::string{"{}"},
         }) {
        const auto whole = read_topology(text);
        ASSERT_TRUE(whole) << text;
        topology_reader reader{text};
        while (reader.step(1) == topology_reader::progress::more) {
        }
        EXPECT_EQ(reader.take(), *whole) << text;
    }
    EXPECT_EQ(read_topology(list)->nodes.size(), 4U);
    EXPECT_EQ(read_topology(list)->nodes[2], "[ ]");
    EXPECT_EQ(read_topology(changes)->added.size(), 1U);
    EXPECT_EQ(read_topology(changes)->removed.size(), 1U);
    EXPECT_EQ(read_topology(changes)->since, 1U);
}

TEST(topology_reader, refuses_what_is_no_object) {
    for (const char* bad :
         {"",
          "[]",
          "{",
          "{\"a\"}",
          "{\"params\":[}",
          "{\"params\":[1,]}",
          "{\"params\":[1 2]}",
          "{} x",
          "{\"changes\":{\"add\":[}}",
          "{\"changes\":{\"a\":1}",
          "{\"params\":[1]",
          "{\"a\":1,}",
          "{\"changes\":{,}}",
          "{'a':1}"}) {
        const auto read = read_topology(bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().code, errc::malformed) << bad;
    }
    std::string deep = R"({"params":[)";
    deep += std::string(70, '[') + std::string(70, ']') + "]}";
    EXPECT_EQ(read_topology(deep).error().code, errc::too_large);
}

} // namespace
} // namespace msd::core
