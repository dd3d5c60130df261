// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: every transition of one state machine, on one harness.
#include "core/registry.hpp"
#include "core/topology.hpp"
#include "core/topology_frames.hpp"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using peer_id = registry::peer_id;

constexpr std::uint64_t epoch = 7;
// All values are different, so that a test shows which of them the registry uses.
constexpr registry_settings make_settings() {
    registry_settings chosen;
    chosen.gather_first = milliseconds{10};
    chosen.gather_quiet = milliseconds{15};
    chosen.gather_longest = milliseconds{100};
    chosen.critical_for = milliseconds{10'000};
    return chosen;
}

constexpr registry_settings settings = make_settings();

node_info node(const std::string& name, int proto = 1) {
    node_info made;
    made.id = {name, "", 9010};
    made.proto = proto;
    return made;
}

// Plays the distributor around a registry: the clock, the connections, and the lists that the nodes
// at their other ends make of the packets. Each test runs twice, the second time with a registry
// that is handed over to another one after every step, which must make no difference.
class registry_test : public testing::TestWithParam<bool> {
protected:
    struct receiver {
        std::vector<std::string> frames;
        topology known;
        std::string reply_keys;
    };

    peer_id connect() {
        const peer_id id = instance.connect("127.0.0.1", now);
        advance();
        return id;
    }

    peer_id foreign(const std::string& name) {
        const peer_id id = connect();
        EXPECT_TRUE(instance.enroll(id, {node(name), {}, {}}, now));
        advance();
        return id;
    }

    // Registers as an msd node does: a first time, then with the revision it knows.
    peer_id msd(const std::string& name, std::vector<std::string> interest = {}) {
        const peer_id id = connect();
        EXPECT_TRUE(instance.enroll(id, {node(name, 2), {}, {}}, now));
        advance();
        say_have(id, name, {}, std::move(interest));
        return id;
    }

    void say_have(
        peer_id id,
        const std::string& name,
        revision have,
        std::vector<std::string> interest = {}
    ) {
        EXPECT_TRUE(instance.enroll(id, {node(name, 2), have, std::move(interest)}, now));
        advance();
    }

    void disconnect(peer_id id) {
        instance.disconnect(id, now);
        advance();
    }

    void deregister(peer_id id, std::string_view key) {
        instance.deregister(id, key, now);
        advance();
    }

    void advance() {
        const auto has_room = [this](peer_id id, std::size_t /*bytes*/) {
            return !full.contains(id);
        };
        while (instance.due() <= now) {
            for (const auto& [to, what] : instance.advance(now, has_room)) {
                receive(receivers[to], what);
            }
        }
        if (GetParam()) {
            hand_over();
        }
    }

    void hand_over() {
        std::string bytes;
        binary_writer out{bytes};
        instance.write(out);
        binary_reader in{bytes};
        auto again = registry::read(in, settings, instance.last_list());
        ASSERT_TRUE(again) << again.error().text;
        ASSERT_TRUE(in.is_complete());
        instance = std::move(*again);
    }

    // Advances the time, stopping wherever the registry has something to do.
    void pass(milliseconds span) {
        const time_point end = now + span;
        while (instance.due() <= end) {
            now = std::max(now, instance.due());
            advance();
        }
        now = end;
    }

    void receive(receiver& by, const registry::frame& what) {
        distinct.insert(what);
        by.frames.push_back(*what);
        std::string_view text = *what;
        text.remove_suffix(wire::terminator.size());
        wire::packet packet;
        ASSERT_TRUE(packet.parse(text));
        if (packet.kind() == wire::packet_kind::reply) {
            by.reply_keys += std::string{packet.key()} + " ";
            return;
        }
        const auto applied = by.known.apply(packet);
        ASSERT_TRUE(applied) << applied.error().text;
        EXPECT_NE(*applied, topology::outcome::gap) << text;
    }

    std::string names(peer_id id) {
        std::string list;
        for (const node_info& entry : receivers[id].known.nodes()) {
            list += entry.id.name + (entry.critical ? "! " : " ");
        }
        return list;
    }

    std::size_t frames(peer_id id) { return receivers[id].frames.size(); }
    std::uint64_t rev() const { return instance.nodes().now().rev; }

    // Enough for any gathering to end.
    void settle() { pass(milliseconds{200}); }

    registry instance{epoch, settings};
    time_point now{milliseconds{1'000'000}};
    std::map<peer_id, receiver> receivers;
    std::set<registry::frame> distinct;
    std::set<peer_id> full;
};

TEST_P(registry_test, sends_an_empty_list_at_accept) {
    const peer_id id = connect();
    EXPECT_EQ(
        receivers[id].frames,
        std::vector<std::string>{
            "{\"uri\":\"/distributes\",\"method\":\"GET\",\"key\":0,\"params\":[]}\xC2\xB6"}
    );
}

TEST_P(registry_test, sends_at_accept_the_list_last_broadcast_and_not_a_pending_one) {
    foreign("a");
    settle();
    foreign("b");
    const peer_id late = connect();
    EXPECT_EQ(names(late), "a ");
    settle();
    EXPECT_EQ(names(late), "a b ");
}

TEST_P(registry_test, adds_the_address_of_the_peer) {
    const peer_id id = foreign("a");
    settle();
    EXPECT_EQ(
        receivers[id].frames.back(),
        "{\"uri\":\"/distributes\",\"method\":\"GET\",\"key\":0,\"params\":"
        "[{\"port\":9010,\"name\":\"a\",\"urls\":[],\"host\":\"127.0.0.1\"}]}\xC2\xB6"
    );
}

TEST_P(registry_test, takes_the_address_an_msd_node_advertises) {
    const peer_id id = connect();
    node_info elsewhere = node("a", 2);
    elsewhere.id.host = "10.9.8.7";
    ASSERT_TRUE(instance.enroll(id, {elsewhere, revision{}, {}}, now));
    advance();
    EXPECT_EQ(receivers[id].known.nodes()[0].id.host, "10.9.8.7");
}

TEST_P(registry_test, gathers_for_foreign_nodes_until_it_is_quiet) {
    const peer_id watcher = connect();
    foreign("a");
    pass(settings.gather_quiet - milliseconds{1});
    foreign("b");
    pass(settings.gather_quiet - milliseconds{1});
    EXPECT_EQ(frames(watcher), 1U);
    pass(milliseconds{1});
    EXPECT_EQ(frames(watcher), 2U);
    EXPECT_EQ(names(watcher), "a b ");
}

TEST_P(registry_test, a_new_connection_prolongs_gathering) {
    const peer_id watcher = connect();
    foreign("a");
    pass(settings.gather_quiet - milliseconds{1});
    connect();
    pass(settings.gather_quiet - milliseconds{1});
    EXPECT_EQ(frames(watcher), 1U);
    pass(milliseconds{1});
    EXPECT_EQ(names(watcher), "a ");
    connect();
    settle();
    EXPECT_EQ(frames(watcher), 2U);
}

TEST_P(registry_test, gathers_for_foreign_nodes_no_longer_than_the_limit) {
    const peer_id watcher = connect();
    const time_point first = now;
    for (int i = 0; now < first + settings.gather_longest; ++i) {
        EXPECT_EQ(frames(watcher), 1U);
        foreign("n" + std::to_string(i));
        pass(milliseconds{5});
    }
    EXPECT_EQ(frames(watcher), 2U);
}

TEST_P(registry_test, sends_two_hundred_foreign_nodes_one_list_each) {
    std::vector<peer_id> all;
    for (int i = 0; i < 200; ++i) {
        all.push_back(foreign("n" + std::to_string(i)));
    }
    settle();
    std::size_t bytes = 0;
    for (const peer_id id : all) {
        EXPECT_EQ(receivers[id].known.nodes().size(), 200U);
        for (const std::string& frame : receivers[id].frames) {
            bytes += frame.size();
        }
    }
    const std::size_t final_list = receivers[all[0]].frames.back().size();
    EXPECT_LE(bytes * 10, 14 * 200 * final_list);
    EXPECT_EQ(distinct.size(), 2U) << "each list is made once";
}

TEST_P(registry_test, a_connection_that_never_registers_changes_nothing) {
    const peer_id watcher = foreign("a");
    const peer_id follower = msd("b");
    settle();
    const auto before = frames(watcher) + frames(follower);
    const auto rev_before = rev();
    disconnect(connect());
    settle();
    EXPECT_EQ(frames(watcher) + frames(follower), before);
    EXPECT_EQ(rev(), rev_before);
}

TEST_P(registry_test, a_lost_node_leaves_foreign_lists_after_gathering) {
    const peer_id watcher = foreign("a");
    const peer_id other = foreign("b");
    settle();
    disconnect(other);
    EXPECT_EQ(names(watcher), "a b ");
    pass(settings.gather_quiet);
    EXPECT_EQ(names(watcher), "a ");
}

TEST_P(registry_test, sends_foreign_nodes_one_list_when_a_node_is_back_within_the_gathering) {
    const peer_id watcher = foreign("a");
    const peer_id other = foreign("b");
    settle();
    const auto before = frames(watcher);
    disconnect(other);
    foreign("b");
    settle();
    EXPECT_EQ(frames(watcher), before + 1);
    EXPECT_EQ(names(watcher), "a b ");
}

TEST_P(registry_test, sends_foreign_nodes_the_same_list_when_a_worker_comes_goes_or_leaves) {
    for (const bool is_msd : {false, true}) {
        const std::string name = is_msd ? "m" : "f";
        const auto worker = [&] {
            return is_msd ? msd(name) : foreign(name);
        };
        const peer_id watcher = connect();
        const peer_id follower = msd("follower");
        const peer_id first = worker();
        settle();
        const std::string list = receivers[watcher].frames.back();
        const auto told_changes = frames(follower);

        auto before = frames(watcher);
        const peer_id second = worker();
        EXPECT_EQ(frames(watcher), before) << "gathered as usual";
        settle();
        EXPECT_EQ(frames(watcher), before + 1) << "a worker registered";
        EXPECT_EQ(receivers[watcher].frames.back(), list);

        before = frames(watcher);
        disconnect(second);
        settle();
        EXPECT_EQ(frames(watcher), before + 1) << "the connection of a worker ended";
        EXPECT_EQ(receivers[watcher].frames.back(), list);

        const peer_id third = worker();
        settle();
        before = frames(watcher);
        deregister(third, "1");
        settle();
        EXPECT_EQ(frames(watcher), before + 1) << "a worker said goodbye";
        EXPECT_EQ(receivers[watcher].frames.back(), list);
        disconnect(third);
        settle();
        EXPECT_EQ(frames(watcher), before + 1) << "its connection held nothing any more";

        EXPECT_EQ(frames(follower), told_changes) << "nothing changed for msd nodes";
        disconnect(first);
        disconnect(follower);
        pass(2 * settings.critical_for);
    }
}

TEST_P(registry_test, registering_the_same_again_on_one_connection_sends_no_list) {
    const peer_id watcher = connect();
    const peer_id other = foreign("a");
    settle();
    const auto before = frames(watcher);
    ASSERT_TRUE(instance.enroll(other, {node("a"), {}, {}}, now));
    settle();
    EXPECT_EQ(frames(watcher), before);
}

TEST_P(registry_test, sends_the_list_again_when_a_leaving_worker_says_its_callers_are_gone) {
    const peer_id watcher = connect();
    const peer_id deregistered = msd("a");
    msd("a");
    settle();
    deregister(deregistered, "1");
    settle();
    auto before = frames(watcher);
    instance.deregister(deregistered, "2", now, node("a").id);
    advance();
    settle();
    EXPECT_EQ(frames(watcher), before + 1);
    EXPECT_EQ(receivers[deregistered].reply_keys, "1 2 ");

    instance.deregister(deregistered, "3", now, node("unknown").id);
    instance.deregister(foreign("f"), "4", now);
    settle();
    before = frames(watcher);
    instance.deregister(connect(), "5", now, node("a").id);
    settle();
    EXPECT_EQ(frames(watcher), before) << "one that never registered causes no list";
}

TEST_P(registry_test, announces_itself_to_an_msd_node_and_waits_for_its_second_registration) {
    foreign("a");
    settle();
    const peer_id id = connect();
    ASSERT_TRUE(instance.enroll(id, {node("b", 2), {}, {}}, now));
    advance();
    EXPECT_EQ(receivers[id].frames.back(), announcement_frame({epoch, rev()}));
    EXPECT_TRUE(instance.is_msd(id));
    const auto before = frames(id);
    foreign("c");
    settle();
    EXPECT_EQ(frames(id), before);
    say_have(id, "b", {});
    EXPECT_EQ(names(id), "a b c ");
}

TEST_P(registry_test, gives_a_new_msd_node_a_snapshot_and_then_changes) {
    foreign("a");
    const peer_id follower = msd("b");
    EXPECT_EQ(names(follower), "a b ");
    EXPECT_EQ(receivers[follower].known.rev(), rev());
    EXPECT_EQ(receivers[follower].known.epoch(), epoch);
    settle();
    const peer_id c = foreign("c");
    EXPECT_EQ(names(follower), "a b c ") << "the first change goes out at once";
    EXPECT_LT(receivers[follower].frames.back().size(), 300U);
    settle();
    deregister(c, "1");
    EXPECT_EQ(names(follower), "a b ");
}

TEST_P(registry_test, sends_changes_that_closely_follow_the_first_one_together) {
    const peer_id follower = msd("a");
    settle();
    const auto before = frames(follower);
    foreign("b");
    EXPECT_EQ(frames(follower), before + 1);
    foreign("c");
    pass(settings.gather_first - milliseconds{1});
    foreign("d");
    EXPECT_EQ(frames(follower), before + 1);
    pass(milliseconds{1});
    EXPECT_EQ(frames(follower), before + 2);
    EXPECT_EQ(names(follower), "a b c d ");
}

TEST_P(registry_test, informs_a_single_newcomer_at_once_and_several_together) {
    msd("a");
    settle();
    foreign("b"); // sent at once; later changes are gathered
    const peer_id alone = msd("c");
    EXPECT_EQ(names(alone), "a b c ");
    const peer_id second = msd("d");
    const peer_id third = msd("e");
    EXPECT_EQ(receivers[second].known.epoch(), 0U) << "only the list at accept";
    EXPECT_EQ(receivers[third].known.epoch(), 0U);
    pass(settings.gather_first);
    EXPECT_EQ(names(second), "a b c d e ");
    EXPECT_EQ(names(third), "a b c d e ");
    EXPECT_EQ(names(alone), "a b c d e ");
}

TEST_P(registry_test, makes_the_packet_of_a_change_once_for_all_receivers) {
    std::vector<peer_id> followers;
    for (int i = 0; i < 50; ++i) {
        followers.push_back(msd("n" + std::to_string(i)));
    }
    settle();
    distinct.clear();
    foreign("x");
    for (const peer_id id : followers) {
        EXPECT_EQ(receivers[id].known.nodes().size(), 51U);
    }
    EXPECT_EQ(distinct.size(), 2U) << "the change, and the list at accept";
}

TEST_P(registry_test, announces_an_msd_node_once_after_its_second_registration) {
    const peer_id follower = msd("a");
    const peer_id watcher = foreign("f");
    settle();
    const auto before = frames(follower);
    const peer_id id = connect();
    ASSERT_TRUE(instance.enroll(id, {node("b", 2), {}, {}}, now));
    pass(settings.gather_quiet);
    EXPECT_EQ(names(watcher), "a f b ");
    EXPECT_EQ(frames(follower), before);
    say_have(id, "b", {});
    settle();
    EXPECT_EQ(frames(follower), before + 1);
    EXPECT_EQ(names(follower), "a f b ");
}

TEST_P(registry_test, announces_an_msd_node_that_does_not_register_again) {
    const peer_id follower = msd("a");
    settle();
    ASSERT_TRUE(instance.enroll(connect(), {node("b", 2), {}, {}}, now));
    pass(settings.announce_within - milliseconds{1});
    EXPECT_EQ(names(follower), "a ");
    pass(milliseconds{1});
    EXPECT_EQ(names(follower), "a b ");
}

TEST_P(registry_test, sends_no_whole_lists_to_msd_nodes) {
    const peer_id follower = msd("a");
    settle();
    const auto before = frames(follower);
    foreign("b");
    settle();
    EXPECT_EQ(frames(follower), before + 1);
    EXPECT_TRUE(receivers[follower].known.from_msd());
}

TEST_P(registry_test, shows_msd_nodes_a_lost_node_as_critical_until_it_is_forgotten) {
    const peer_id follower = msd("a");
    const peer_id other = msd("b");
    settle();
    const auto before = rev();
    disconnect(other);
    EXPECT_EQ(names(follower), "a b! ");
    EXPECT_EQ(rev(), before);
    pass(settings.critical_for - milliseconds{1});
    EXPECT_EQ(names(follower), "a b! ");
    pass(milliseconds{1});
    EXPECT_EQ(names(follower), "a ");
    EXPECT_EQ(rev(), before + 1);
}

TEST_P(registry_test, a_return_in_time_makes_no_revision) {
    const peer_id follower = msd("a");
    const peer_id other = msd("b");
    settle();
    const auto before = rev();
    disconnect(other);
    settle();
    msd("b");
    settle();
    EXPECT_EQ(names(follower), "a b ");
    EXPECT_EQ(rev(), before);
    pass(2 * settings.critical_for);
    EXPECT_EQ(names(follower), "a b ");
}

TEST_P(registry_test, sends_a_returning_node_only_the_changes_it_missed) {
    const peer_id follower = msd("a");
    settle();
    const revision had{epoch, rev()};
    const topology kept = receivers[follower].known;
    disconnect(follower);
    foreign("b");
    settle();
    const peer_id again = connect();
    receivers[again].known = kept;
    say_have(again, "a", had);
    settle();
    EXPECT_EQ(names(again), "b a ");
    const std::string& last = receivers[again].frames.back();
    EXPECT_NE(last.find("\"changes\""), std::string::npos);
    EXPECT_NE(last.find("\"since\":" + std::to_string(had.rev)), std::string::npos);
    EXPECT_NE(last.find("\"b\""), std::string::npos);
}

TEST_P(registry_test, sends_a_returning_node_states_that_may_have_changed) {
    const peer_id follower = msd("a");
    const peer_id other = msd("b");
    settle();
    disconnect(other);
    ASSERT_EQ(names(follower), "a b! ");
    const revision had{receivers[follower].known.epoch(), receivers[follower].known.rev()};
    const topology kept = receivers[follower].known;
    disconnect(follower);
    msd("b");
    settle();
    const peer_id again = instance.connect("127.0.0.1", now);
    advance();
    receivers[again].known = kept;
    say_have(again, "a", had);
    settle();
    EXPECT_NE(names(again).find("b "), std::string::npos);
    EXPECT_EQ(names(again).find("!"), std::string::npos);
}

TEST_P(registry_test, sends_a_snapshot_when_the_known_revision_cannot_be_used) {
    const peer_id follower = msd("a");
    settle();
    for (const revision have : {revision{epoch - 1, rev()}, revision{epoch, rev() + 1}}) {
        say_have(follower, "a", have);
        settle();
        EXPECT_NE(receivers[follower].frames.back().find("\"part\":0"), std::string::npos);
    }
    const revision old{epoch, rev()};
    const peer_id busy = connect();
    for (std::size_t i = 0; i <= node_list::changes_kept_max; ++i) {
        node_info changing = node("c");
        changing.urls = {"GET/" + std::to_string(i)};
        ASSERT_TRUE(instance.enroll(busy, {changing, {}, {}}, now));
    }
    say_have(follower, "a", old);
    settle();
    EXPECT_NE(receivers[follower].frames.back().find("\"part\":0"), std::string::npos);
    EXPECT_EQ(names(follower), "a c ");
}

TEST_P(registry_test, sends_nothing_to_a_node_that_is_up_to_date) {
    const peer_id follower = msd("a");
    settle();
    const auto before = frames(follower);
    say_have(follower, "a", {epoch, rev()});
    settle();
    EXPECT_EQ(frames(follower), before);
}

TEST_P(registry_test, sends_only_the_names_a_node_is_interested_in) {
    const peer_id follower = msd("a", {"goods", "logs"});
    settle();
    EXPECT_EQ(names(follower), "");
    const auto before = frames(follower);
    foreign("members");
    settle();
    EXPECT_EQ(frames(follower), before);
    foreign("goods");
    settle();
    EXPECT_EQ(names(follower), "goods ") << "its changes follow those it was told, not all";
    say_have(follower, "a", {epoch, receivers[follower].known.rev()}, {"members"});
    settle();
    EXPECT_EQ(names(follower), "members ") << "another interest needs a snapshot";
}

TEST_P(registry_test, cuts_a_large_snapshot_into_parts) {
    const std::string url = "GET/" + std::string(900, 'x');
    for (int i = 0; i < 10; ++i) {
        const peer_id id = connect();
        node_info large = node("n" + std::to_string(i));
        large.urls.assign(80, url);
        ASSERT_TRUE(instance.enroll(id, {large, {}, {}}, now));
    }
    const peer_id follower = msd("a");
    settle();
    EXPECT_EQ(receivers[follower].known.nodes().size(), 11U);
    std::size_t parts = 0;
    for (const std::string& frame : receivers[follower].frames) {
        if (frame.find("\"part\":") != std::string::npos) {
            EXPECT_LE(frame.size(), snapshot_part_bytes_max);
            ++parts;
        }
    }
    EXPECT_GE(parts, 3U);
}

TEST_P(registry_test, a_second_registration_on_one_connection_replaces_the_entry) {
    const peer_id watcher = connect();
    const peer_id follower = msd("z");
    const peer_id id = foreign("a");
    settle();
    ASSERT_TRUE(instance.enroll(id, {node("b"), {}, {}}, now));
    settle();
    EXPECT_EQ(names(watcher), "z b ");
    EXPECT_EQ(names(follower), "z b ");
}

TEST_P(registry_test, a_refused_registration_changes_nothing) {
    const peer_id watcher = connect();
    const peer_id id = foreign("a");
    settle();
    const auto before = frames(watcher);
    node_info large = node("a");
    large.urls.assign(200, std::string(1000, 'x'));
    EXPECT_FALSE(instance.enroll(id, {large, {}, {}}, now));
    settle();
    EXPECT_EQ(frames(watcher), before);
}

TEST_P(registry_test, collapses_what_a_slow_foreign_reader_misses_into_one_list) {
    const peer_id slow = connect();
    const peer_id quick = connect();
    full.insert(slow);
    for (const std::string name : {"a", "b", "c"}) {
        foreign(name);
        settle();
    }
    EXPECT_EQ(frames(quick), 4U);
    EXPECT_EQ(frames(slow), 1U);
    full.clear();
    settle();
    EXPECT_EQ(frames(slow), 1U) << "not before its queue is empty";
    instance.resume(slow, now);
    advance();
    EXPECT_EQ(frames(slow), 2U);
    EXPECT_EQ(names(slow), "a b c ");
    instance.resume(slow, now);
    settle();
    EXPECT_EQ(frames(slow), 2U);
}

TEST_P(registry_test, collapses_what_a_slow_msd_reader_misses_into_one_packet) {
    const peer_id slow = msd("s");
    settle();
    const auto before = frames(slow);
    full.insert(slow);
    for (const std::string name : {"a", "b", "c"}) {
        foreign(name);
        settle();
    }
    EXPECT_EQ(frames(slow), before);
    full.clear();
    instance.resume(slow, now);
    settle();
    EXPECT_EQ(frames(slow), before + 1);
    EXPECT_EQ(names(slow), "s a b c ");
}

TEST_P(registry_test, sends_a_slow_msd_reader_a_snapshot_when_the_log_is_too_short) {
    const peer_id slow = msd("s");
    const peer_id busy = connect();
    settle();
    full.insert(slow);
    for (std::size_t i = 0; i <= node_list::changes_kept_max; ++i) {
        node_info changing = node("c");
        changing.urls = {"GET/" + std::to_string(i)};
        ASSERT_TRUE(instance.enroll(busy, {changing, {}, {}}, now));
    }
    settle();
    full.clear();
    instance.resume(slow, now);
    settle();
    EXPECT_NE(receivers[slow].frames.back().find("\"part\":0"), std::string::npos);
    EXPECT_EQ(names(slow), "s c ");
}

TEST_P(registry_test, answers_a_goodbye_after_the_change_was_sent_to_all) {
    const peer_id watcher = connect();
    const peer_id follower = msd("a");
    const peer_id deregistered = msd("b");
    settle();
    foreign("c"); // starts the gathering, so that the goodbye has to wait
    deregister(deregistered, "41");
    EXPECT_EQ(receivers[deregistered].reply_keys, "");
    pass(settings.gather_first);
    EXPECT_EQ(names(follower), "a c ");
    EXPECT_EQ(receivers[deregistered].reply_keys, "") << "foreign nodes do not know yet";
    settle();
    EXPECT_EQ(names(watcher), "a c ");
    EXPECT_EQ(receivers[deregistered].reply_keys, "41 ");
    disconnect(deregistered);
    settle();
    EXPECT_EQ(names(follower), "a c ") << "its connection held nothing any more";
}

TEST_P(registry_test, answers_the_goodbye_of_one_worker_of_many_without_removing_the_node) {
    const peer_id first = msd("a");
    const peer_id second = msd("a");
    settle();
    deregister(first, "5");
    settle();
    EXPECT_EQ(receivers[first].reply_keys, "5 ");
    EXPECT_EQ(names(second), "a ");
}

TEST_P(registry_test, does_not_answer_the_goodbye_of_a_foreign_node) {
    const peer_id watcher = connect();
    const peer_id deregistered = foreign("a");
    settle();
    deregister(deregistered, "5");
    settle();
    EXPECT_EQ(names(watcher), "");
    EXPECT_EQ(receivers[deregistered].reply_keys, "");
}

TEST_P(registry_test, forgets_a_goodbye_when_its_connection_ends) {
    const peer_id watcher = connect();
    const peer_id deregistered = msd("a");
    settle();
    deregister(deregistered, "5");
    disconnect(deregistered);
    settle();
    EXPECT_EQ(names(watcher), "");
    EXPECT_EQ(receivers[deregistered].reply_keys, "");
}

TEST_P(registry_test, is_idle_when_everything_was_sent) {
    foreign("a");
    msd("b");
    settle();
    EXPECT_EQ(instance.due(), time_point::max());
}

INSTANTIATE_TEST_SUITE_P(
    registry,
    registry_test,
    testing::Bool(),
    [](const testing::TestParamInfo<bool>& handed_over) {
        return handed_over.param ? "handed_over" : "in_place";
    }
);

} // namespace
} // namespace msd::core
