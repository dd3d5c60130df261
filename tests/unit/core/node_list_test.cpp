// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one fixture, the rules of the list, and the limits on both of their sides.
#include "core/node_list.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using event = node_list::event;

constexpr std::uint64_t epoch = 7;
constexpr milliseconds critical_for{10'000};
constexpr milliseconds announce_within{50};
constexpr time_point start{};

node_info node(std::string name, int proto = 1) {
    node_info made;
    made.id = {std::move(name), "127.0.0.1", 9010};
    made.urls = {"GET/" + made.id.name};
    made.proto = proto;
    return made;
}

node_info with_routes(node_info made) {
    made.routes = {{"GET", "/" + made.id.name, false, {}, {}}};
    return made;
}

// All room for new nodes, and for any address.
room_limits open_limits() {
    room_limits limits;
    limits.per_address = limits.total;
    limits.per_address.entries *= 2;
    limits.total.routes = limits.per_address.routes = 1'000'000;
    limits.reserved_percent = 0;
    return limits;
}

class node_list_test : public testing::Test {
protected:
    using holder_id = node_list::holder_id;

    // A new connection unless one is given. Returns the connection.
    holder_id
    enroll(const node_info& registered, std::optional<holder_id> held = {}, time_point at = start) {
        const holder_id by = held ? *held : ++last_holder;
        EXPECT_TRUE(list.enroll({by, "127.0.0.1"}, registered, at));
        return by;
    }

    // As an msd node registers before it knows that the distributor is msd's.
    holder_id enroll_plainly(const node_info& node, time_point at = start) {
        const holder_id by = ++last_holder;
        EXPECT_TRUE(list.enroll({by, "127.0.0.1"}, node, at, node_list::completeness::partial));
        return by;
    }

    result<void> try_enroll(const node_info& node, std::optional<holder_id> held = {}) {
        return list.enroll({held ? *held : ++last_holder, "127.0.0.1"}, node, start);
    }

    std::vector<event> events() {
        std::vector<event> seen;
        for (const auto& each : list.take_notices()) {
            seen.push_back(each.what);
        }
        return seen;
    }

    // Names in the order of a list; "a!" is critical.
    static std::string names(std::string_view entries) {
        const std::string array = "[" + std::string{entries} + "]";
        std::string found;
        const auto elements = json::elements(array);
        for (const json::value& element : *elements) {
            const auto entry = read_entry(element.text);
            found += entry ? entry->id.name + (entry->critical ? "! " : " ") : "? ";
        }
        return found;
    }

    static std::string identities(const std::string& removed) {
        const std::string array = "[" + removed + "]";
        const auto elements = json::elements(array);
        std::string found;
        for (const json::value& element : *elements) {
            found += read_identity(element.text).value().name + " ";
        }
        return found;
    }

    std::string foreign_entries() const {
        std::string entries;
        for (const auto& node : list.foreign_nodes()) {
            entries += (entries.empty() ? "" : ",") + node->foreign;
        }
        return entries;
    }

    std::vector<std::string>
    msd_entries(std::size_t bytes_max, std::span<const std::string> interest) const {
        std::vector<std::string> parts;
        node_list::place from = 1;
        while (from != 0) {
            const auto part = list.msd_part(from, interest, bytes_max, nodes_max);
            parts.push_back(part.entries);
            from = part.next;
        }
        return parts;
    }

    node_list::delta
    changes_since(node_list::position since, std::span<const std::string> interest) const {
        const auto changes = list.changes_since(since, interest, 1 << 20);
        EXPECT_TRUE(changes);
        return changes.value_or(node_list::delta{});
    }

    std::string foreign() const { return names(foreign_entries()); }
    std::string msd() const {
        const auto parts = msd_entries(1 << 20, {});
        EXPECT_EQ(parts.size(), 1U);
        return names(parts[0]);
    }
    std::uint64_t rev() const { return list.now().rev; }

    node_list list{epoch, {critical_for, announce_within, open_limits()}};
    holder_id last_holder = 0;
};

TEST_F(node_list_test, lists_nodes_in_registration_order_each_a_revision) {
    enroll(node("c"));
    enroll(node("a", 2));
    EXPECT_EQ(foreign(), "c a ");
    EXPECT_EQ(msd(), "c a ");
    EXPECT_EQ(rev(), 2U);
    EXPECT_EQ(list.now().epoch, epoch);
    EXPECT_EQ(events(), (std::vector{event::joined, event::joined}));
}

TEST_F(node_list_test, lists_a_node_once_however_many_workers_register_it) {
    const auto first = enroll(node("a", 2));
    const auto second = enroll(node("a", 2));
    EXPECT_EQ(rev(), 1U);
    EXPECT_EQ(foreign(), "a ");
    list.withdraw(first, start);
    events();
    EXPECT_EQ(foreign(), "a ") << "another worker holds it";
    list.lose(second, start);
    EXPECT_EQ(foreign(), "");
    EXPECT_EQ(events(), std::vector{event::lost});
}

TEST_F(node_list_test, registering_the_same_again_changes_nothing) {
    const auto held = enroll(with_routes(node("a", 2)));
    const auto foreign_before = list.foreign_changes();
    EXPECT_EQ(enroll(with_routes(node("a", 2)), held), held);
    EXPECT_EQ(rev(), 1U);
    EXPECT_EQ(list.foreign_changes(), foreign_before);
    EXPECT_EQ(list.log_end(), 1U);
}

TEST_F(node_list_test, routes_are_a_change_for_msd_nodes_only) {
    const auto held = enroll(node("a", 2));
    const auto foreign_before = list.foreign_changes();
    enroll(with_routes(node("a", 2)), held);
    EXPECT_EQ(rev(), 2U);
    EXPECT_EQ(list.foreign_changes(), foreign_before);
}

TEST_F(node_list_test, a_first_registration_does_not_remove_known_routes) {
    enroll(with_routes(node("a", 2)));
    enroll(node("a", 2));
    EXPECT_EQ(rev(), 1U);
    const auto parts = msd_entries(1 << 20, {});
    EXPECT_FALSE(read_entry(parts[0])->routes.empty());
}

TEST_F(node_list_test, a_node_that_registers_again_in_time_is_announced_once) {
    const auto held = enroll_plainly(node("a", 2));
    EXPECT_EQ(foreign(), "a ") << "foreign nodes have nothing to wait for";
    EXPECT_EQ(msd(), "");
    EXPECT_EQ(rev(), 0U);
    EXPECT_EQ(list.next_expiry(), start + announce_within);
    EXPECT_EQ(enroll(with_routes(node("a", 2)), held), held);
    EXPECT_EQ(msd(), "a ");
    EXPECT_EQ(rev(), 1U);
    EXPECT_EQ(list.log_end(), 1U);
    EXPECT_EQ(list.next_expiry(), time_point::max());
    list.expire(start + announce_within);
    EXPECT_EQ(rev(), 1U);
}

TEST_F(node_list_test, a_node_that_does_not_register_again_is_announced_later) {
    const auto held = enroll_plainly(node("a", 2));
    enroll_plainly(node("a", 2), start + announce_within / 2);
    list.expire(start + announce_within - milliseconds{1});
    EXPECT_EQ(rev(), 0U);
    list.expire(start + announce_within);
    EXPECT_EQ(msd(), "a ");
    EXPECT_EQ(rev(), 1U);
    EXPECT_EQ(list.next_expiry(), time_point::max());
    enroll(with_routes(node("a", 2)), held);
    EXPECT_EQ(rev(), 2U);
}

TEST_F(node_list_test, a_node_that_leaves_before_it_was_announced_makes_no_revision) {
    list.withdraw(enroll_plainly(node("a", 2)), start);
    EXPECT_EQ(rev(), 0U);
    EXPECT_EQ(list.next_expiry(), time_point::max());
    list.expire(start + announce_within);
    EXPECT_EQ(list.size(), 0U);
}

TEST_F(node_list_test, a_node_lost_before_it_was_announced_is_announced_as_critical) {
    list.lose(enroll_plainly(node("a", 2)), start);
    EXPECT_EQ(msd(), "a! ");
    EXPECT_EQ(rev(), 1U);
    EXPECT_EQ(list.next_expiry(), start + critical_for);
}

TEST_F(node_list_test, a_node_not_yet_announced_again_is_only_among_the_removed) {
    const auto since = list.log_end();
    list.withdraw(enroll(node("a", 2)), start);
    enroll_plainly(node("a", 2));
    const auto changes = changes_since(since, {});
    EXPECT_EQ(changes.added, "");
    EXPECT_EQ(identities(changes.removed), "a ");
}

TEST_F(node_list_test, a_second_registration_replaces_the_entry_at_its_place) {
    const auto held = enroll(node("a"));
    enroll(node("b"));
    events();
    EXPECT_EQ(enroll(node("x"), held), held);
    EXPECT_EQ(foreign(), "x b ");
    EXPECT_EQ(events(), (std::vector{event::deregistered, event::joined}));
    node_info changed = node("x");
    changed.urls = {"GET/other"};
    enroll(changed, held);
    EXPECT_EQ(foreign(), "x b ");
    EXPECT_NE(foreign_entries().find("GET/other"), std::string::npos);
}

TEST_F(node_list_test, a_connection_can_register_a_node_that_others_hold) {
    const auto a = enroll(node("a"));
    const auto b = enroll(node("b"));
    enroll(node("b"), a);
    EXPECT_EQ(foreign(), "b ");
    list.withdraw(b, start);
    EXPECT_EQ(foreign(), "b ");
    list.withdraw(a, start);
    EXPECT_EQ(list.size(), 0U);
}

TEST_F(node_list_test, a_goodbye_removes_the_node_at_once) {
    const auto held = enroll(node("a", 2));
    list.withdraw(held, start);
    EXPECT_EQ(msd(), "");
    EXPECT_EQ(foreign(), "");
    EXPECT_EQ(rev(), 2U);
    EXPECT_EQ(list.next_expiry(), time_point::max());
    EXPECT_EQ(events(), (std::vector{event::joined, event::deregistered}));
}

TEST_F(node_list_test, a_lost_node_is_critical_for_msd_nodes_and_removed_for_foreign_ones) {
    const auto held = enroll(node("a", 2));
    list.lose(held, start);
    EXPECT_EQ(msd(), "a! ");
    EXPECT_EQ(foreign(), "");
    EXPECT_EQ(rev(), 1U) << "who is there has not changed";
    EXPECT_EQ(list.next_expiry(), start + critical_for);
    list.expire(start + critical_for - milliseconds{1});
    EXPECT_EQ(msd(), "a! ");
    list.expire(start + critical_for);
    EXPECT_EQ(msd(), "");
    EXPECT_EQ(rev(), 2U);
    EXPECT_EQ(events(), (std::vector{event::joined, event::lost, event::forgotten}));
}

TEST_F(node_list_test, a_return_in_time_makes_no_revision_and_moves_the_node_to_the_end) {
    const auto held = enroll(with_routes(node("a", 2)));
    enroll(node("b"));
    list.lose(held, start);
    const auto back = enroll(node("a", 2), {}, start + critical_for - milliseconds{1});
    EXPECT_EQ(rev(), 2U);
    EXPECT_EQ(msd(), "b a ");
    EXPECT_EQ(foreign(), "b a ");
    EXPECT_EQ(list.next_expiry(), time_point::max());
    list.expire(start + 2 * critical_for);
    EXPECT_EQ(msd(), "b a ");
    list.lose(back, start + 2 * critical_for);
    EXPECT_EQ(msd(), "b a! ");
}

TEST_F(node_list_test, a_return_too_late_is_a_new_node) {
    list.lose(enroll(node("a")), start);
    enroll(node("a"), {}, start + critical_for);
    EXPECT_EQ(rev(), 3U);
    EXPECT_EQ(events(), (std::vector{event::joined, event::lost, event::forgotten, event::joined}));
}

TEST_F(node_list_test, returns_the_changes_since_a_position) {
    const auto a = enroll(node("a", 2));
    enroll(node("b", 2));
    const auto since = list.log_end();
    enroll(node("c", 2));
    list.withdraw(a, start);
    const auto changes = changes_since(since, {});
    EXPECT_EQ(names(changes.added), "c ");
    EXPECT_EQ(identities(changes.removed), "a ");
    EXPECT_EQ(changes_since(list.log_end(), {}).added, "");
}

TEST_F(node_list_test, returns_the_present_state_and_not_its_history) {
    const auto since = list.log_end();
    list.withdraw(enroll(node("a", 2)), start);
    const auto held = enroll(node("b", 2));
    list.lose(held, start);
    enroll(node("b", 2));
    const auto changes = changes_since(since, {});
    EXPECT_EQ(names(changes.added), "b ");
    EXPECT_EQ(identities(changes.removed), "a b ") << "b is the last now, wherever it stood";
}

TEST_F(node_list_test, returns_a_change_of_state_for_the_present_revision_too) {
    const auto held = enroll(node("a", 2));
    list.lose(held, start);
    const auto since = list.position_of(rev());
    ASSERT_TRUE(since);
    EXPECT_EQ(names(changes_since(*since, {}).added), "a! ");
    enroll(node("a", 2));
    EXPECT_EQ(names(changes_since(*list.position_of(rev()), {}).added), "a ");
}

TEST_F(node_list_test, returns_only_the_names_of_interest) {
    const std::vector<std::string> interest{"b", "d"};
    const auto a = enroll(node("a", 2));
    enroll(node("b", 2));
    list.withdraw(a, start);
    const auto changes = changes_since(0, interest);
    EXPECT_EQ(names(changes.added), "b ");
    EXPECT_EQ(changes.removed, "");
    EXPECT_EQ(names(msd_entries(1 << 20, interest)[0]), "b ");
}

TEST_F(node_list_test, knows_positions_as_far_back_as_the_log_reaches) {
    const auto held = enroll(node("a", 2));
    for (std::size_t i = 0; i < node_list::changes_kept_max; ++i) {
        node_info changed = node("a", 2);
        changed.urls = {"GET/" + std::to_string(i)};
        enroll(changed, held);
    }
    EXPECT_EQ(rev(), node_list::changes_kept_max + 1);
    EXPECT_FALSE(list.position_of(0)) << "the first change is forgotten";
    EXPECT_EQ(list.position_of(1), 1U);
    EXPECT_EQ(list.position_of(rev()), list.log_end());
    EXPECT_FALSE(list.position_of(rev() + 1)) << "a revision that never was";
    EXPECT_FALSE(list.reaches(0));
    EXPECT_TRUE(list.reaches(1));
}

TEST_F(node_list_test, splits_all_entries_into_parts) {
    for (int i = 0; i < 100; ++i) {
        enroll(node("n" + std::to_string(i)));
    }
    std::size_t count = 0;
    for (const std::string& part : msd_entries(1000, {})) {
        EXPECT_LE(part.size(), 1000U);
        count += json::elements("[" + part + "]")->size();
    }
    EXPECT_EQ(count, 100U);
    EXPECT_EQ(msd_entries(1, {}).size(), 100U) << "one entry at least";
}

TEST_F(node_list_test, has_one_empty_part_without_nodes) {
    EXPECT_EQ(msd_entries(1000, {}), std::vector<std::string>{""});
    EXPECT_EQ(foreign_entries(), "");
}

TEST_F(node_list_test, refuses_an_entry_that_is_too_large_and_keeps_the_old_one) {
    const auto held = enroll(node("a"));
    node_info large = node("a");
    large.urls.assign(200, std::string(1000, 'x'));
    const auto refused = try_enroll(large, held);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::too_large);
    EXPECT_EQ(rev(), 1U);
    EXPECT_EQ(foreign(), "a ");
}

TEST_F(node_list_test, refuses_new_nodes_over_the_limit_but_not_known_ones) {
    holder_id last = 0;
    for (std::size_t i = 0; i < nodes_max; ++i) {
        last = enroll(node("n" + std::to_string(i)));
    }
    const auto refused = try_enroll(node("more"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::refused);
    enroll(node("n0"));
    enroll(node("instead"), last);
    EXPECT_EQ(list.size(), nodes_max);
}

// A node whose entry for foreign nodes has exactly that many bytes.
node_info of_size(const std::string& name, std::size_t bytes) {
    node_info made = node(name);
    made.urls = {""};
    made.urls[0].assign(bytes - foreign_entry(made).size(), 'x');
    return made;
}

TEST_F(node_list_test, takes_an_entry_of_exactly_the_limit) {
    EXPECT_EQ(entry_bytes_max, 131072U);
    enroll(of_size("a", entry_bytes_max));
    EXPECT_FALSE(try_enroll(of_size("b", entry_bytes_max + 1)));
    node_info described = of_size("c", 1000);
    described.proto = 2;
    const std::size_t more = entry_bytes_max - msd_entry(described).size();
    described.urls[0] += std::string(more, 'x');
    enroll(described);
    described.urls[0] += 'x';
    EXPECT_FALSE(try_enroll(described));
}

TEST_F(node_list_test, counts_the_bytes_of_all_entries_as_they_are_now) {
    EXPECT_EQ(room_limits{}.total.foreign_bytes, 15'728'640U);
    holder_id last = 0;
    for (int count = 0; count < 120; ++count) {
        last = enroll(of_size("n" + std::to_string(100 + count), entry_bytes_max));
    }
    const auto refused = try_enroll(node("more"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(
        refused.error().text,
        "the registry is full: it has room for 15728640 bytes of the list"
    );
    list.withdraw(last, start);
    const auto held = enroll(of_size("x", entry_bytes_max - 1000));
    for (int count = 0; count < 3; ++count) {
        enroll(of_size("x", 500), held);
        enroll(of_size("x", 600), held);
    }
    enroll(of_size("y", entry_bytes_max - 600));
    EXPECT_FALSE(try_enroll(node("more")));
}

TEST_F(node_list_test, counts_the_bytes_of_descriptions_separately) {
    EXPECT_EQ(room_limits{}.total.msd_bytes, 67'108'864U);
    node_info described = with_routes(node("n1000", 2));
    described.routes[0].schema = "\"\"";
    const std::size_t room = entry_bytes_max - msd_entry(described).size();
    described.routes[0].schema = "\"" + std::string(room, 'x') + "\"";
    for (int count = 0; count < 512; ++count) {
        described.id.name = "n" + std::to_string(1000 + count);
        described.urls = {"GET/" + described.id.name};
        described.routes[0].path = "/" + described.id.name;
        enroll(described);
    }
    EXPECT_FALSE(try_enroll(node("a", 2)));
    enroll(node("a"));
}

TEST_F(node_list_test, sends_the_present_routes_and_reports_no_removal_for_them) {
    const auto held = enroll(with_routes(node("a", 2)));
    const auto since = list.log_end();
    node_info changed = with_routes(node("a", 2));
    changed.routes[0].method = "PUT";
    enroll(changed, held);
    auto changes = changes_since(since, {});
    EXPECT_EQ(changes.removed, "");
    EXPECT_EQ(read_entry(changes.added)->routes, changed.routes);
    list.lose(held, start);
    changes = changes_since(since, {});
    EXPECT_EQ(changes.removed, "");
    EXPECT_EQ(names(changes.added), "a! ");
}

TEST_F(node_list_test, replaces_routes_only_by_routes_or_with_other_urls) {
    const auto held = enroll(with_routes(node("a", 2)));
    node_info plain = node("a", 2);
    enroll(plain, held);
    EXPECT_FALSE(read_entry(msd_entries(1 << 20, {})[0])->routes.empty());
    plain.urls = {"GET/b"};
    enroll(plain, held);
    EXPECT_TRUE(read_entry(msd_entries(1 << 20, {})[0])->routes.empty());
    enroll(node("a", 1), held);
    EXPECT_EQ(read_entry(msd_entries(1 << 20, {})[0])->proto, 1);
}

TEST_F(node_list_test, fills_a_part_to_its_last_byte) {
    enroll(of_size("a", 500));
    enroll(of_size("b", 499));
    EXPECT_EQ(msd_entries(1000, {}).size(), 1U);
    EXPECT_EQ(msd_entries(999, {}).size(), 2U);
    EXPECT_EQ(node_list::changes_kept_max, 4096U);
    EXPECT_EQ(nodes_max, 20'000U);
}

} // namespace
} // namespace msd::core
