// SPDX-License-Identifier: Apache-2.0
// Connections that describe one node in different ways, and the room that nodes take.
#include "core/node_list.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using claim_event = node_list::event;

constexpr milliseconds claim_kept{10'000};
constexpr time_point claims_start{milliseconds{1'000'000}};

node_info claimed(const std::string& url, int proto = 1) {
    node_info made;
    made.id = {"goods", "127.0.0.1", 9010};
    made.urls = {url};
    made.proto = proto;
    return made;
}

node_info with_route(node_info made, const std::string& path) {
    made.routes = {{"GET", path, false, {}, {}}};
    return made;
}

class node_claims_test : public testing::Test {
protected:
    using holder_id = node_list::holder_id;

    void enroll(
        holder_id by,
        const node_info& node,
        bool is_proven = false,
        time_point at = claims_start
    ) {
        const auto done = list.enroll({by, "127.0.0.1", is_proven}, node, at);
        EXPECT_TRUE(done) << done.error().text;
    }

    std::string urls() const {
        const auto nodes = list.foreign_nodes();
        if (nodes.size() != 1) {
            return std::to_string(nodes.size()) + " nodes";
        }
        const auto entry = read_entry(nodes[0]->foreign);
        return entry && entry->urls.size() == 1 ? entry->urls[0] : "?";
    }

    std::vector<holder_id> contradictions_reported() {
        std::vector<holder_id> by;
        for (const auto& each : list.take_notices()) {
            if (each.what == claim_event::contradicted) {
                by.push_back(each.by);
            }
        }
        return by;
    }

    static room_limits without_reserve() {
        room_limits limits;
        limits.reserved_percent = 0;
        return limits;
    }

    node_list list{7, {claim_kept, milliseconds{50}, without_reserve()}};
};

TEST_F(node_claims_test, another_connection_does_not_change_a_node_that_is_held) {
    enroll(1, claimed("GET/goods"));
    const auto before = list.now().rev;
    enroll(2, claimed("GET/x"));
    EXPECT_EQ(urls(), "GET/goods");
    EXPECT_EQ(list.now().rev, before);
    list.lose(2, claims_start);
    EXPECT_EQ(urls(), "GET/goods");
}

TEST_F(node_claims_test, a_description_goes_with_its_last_holder) {
    enroll(1, claimed("GET/old"));
    enroll(2, claimed("GET/old"));
    enroll(3, claimed("GET/new"));
    enroll(4, claimed("GET/new"));
    list.withdraw(1, claims_start);
    EXPECT_EQ(urls(), "GET/old") << "a worker of the old version is left";
    list.withdraw(2, claims_start);
    EXPECT_EQ(urls(), "GET/new");
    list.withdraw(3, claims_start);
    EXPECT_EQ(urls(), "GET/new");
    list.withdraw(4, claims_start);
    EXPECT_EQ(list.size(), 0U);
}

TEST_F(node_claims_test, a_connection_changes_its_own_description_at_once) {
    enroll(1, claimed("GET/old"));
    enroll(2, claimed("GET/x"));
    enroll(1, claimed("GET/new"));
    EXPECT_EQ(urls(), "GET/new") << "and does not lose its place to a younger claim";
}

TEST_F(node_claims_test, a_proven_holder_is_stronger_than_those_before_it) {
    enroll(1, claimed("GET/x"));
    enroll(2, claimed("GET/goods"), true);
    EXPECT_EQ(urls(), "GET/goods");
    enroll(3, claimed("GET/y"));
    enroll(1, claimed("GET/z"));
    EXPECT_EQ(urls(), "GET/goods");
    list.lose(2, claims_start);
    EXPECT_EQ(urls(), "GET/z");
}

TEST_F(node_claims_test, a_proof_that_comes_later_counts) {
    enroll(1, claimed("GET/x"));
    enroll(2, claimed("GET/goods"));
    const auto before = list.now().rev;
    list.prove(2);
    list.prove(2);
    EXPECT_EQ(urls(), "GET/goods");
    EXPECT_EQ(list.now().rev, before + 1);
    list.lose(2, claims_start);
    EXPECT_EQ(urls(), "GET/x");
}

TEST_F(node_claims_test, reports_a_contradiction_once_for_each_connection) {
    enroll(1, claimed("GET/goods"));
    enroll(2, claimed("GET/goods"));
    EXPECT_TRUE(contradictions_reported().empty());
    enroll(3, claimed("GET/x"));
    enroll(3, claimed("GET/y"));
    EXPECT_EQ(contradictions_reported(), std::vector<holder_id>{3});
    const auto found = list.contradictions(10);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id.name, "goods");
    ASSERT_EQ(found[0].others.size(), 1U);
    EXPECT_EQ(found[0].others[0].by, 3U);
    EXPECT_EQ(found[0].others[0].routes, 1U);
    list.lose(3, claims_start);
    EXPECT_TRUE(list.contradictions(10).empty());
}

TEST_F(node_claims_test, the_two_registrations_of_workers_do_not_contradict) {
    const node_info plain = claimed("GET/goods", 2);
    const node_info complete = with_route(plain, "/goods");
    for (const holder_id worker : {1, 2, 3}) {
        enroll(worker, plain);
    }
    for (const holder_id worker : {2, 3, 1}) {
        enroll(worker, complete);
        EXPECT_FALSE(read_entry(list.msd_part(1, {}, 1000, 10).entries)->routes.empty());
    }
    enroll(4, plain);
    EXPECT_TRUE(contradictions_reported().empty());
    EXPECT_TRUE(list.contradictions(10).empty());
    enroll(5, with_route(plain, "/x"));
    EXPECT_EQ(contradictions_reported(), std::vector<holder_id>{5});
}

TEST_F(node_claims_test, routes_that_workers_add_keep_the_age_of_the_first_registration) {
    enroll(1, claimed("GET/goods", 2));
    enroll(2, claimed("GET/x"));
    enroll(1, with_route(claimed("GET/goods", 2), "/goods"));
    EXPECT_EQ(urls(), "GET/goods");
}

TEST_F(node_claims_test, a_worker_that_restarts_gets_its_place_back) {
    enroll(1, claimed("GET/goods"));
    enroll(2, claimed("GET/x"));
    list.lose(1, claims_start);
    EXPECT_EQ(urls(), "GET/x") << "nobody else is there";
    enroll(3, claimed("GET/goods"), false, claims_start + claim_kept / 2);
    EXPECT_EQ(urls(), "GET/goods");
    list.lose(3, claims_start + claim_kept);
    enroll(4, claimed("GET/goods"), false, claims_start + 3 * claim_kept);
    EXPECT_EQ(urls(), "GET/x") << "it was away for too long";
}

TEST_F(node_claims_test, nobody_inherits_the_age_of_a_description_by_changing_it) {
    enroll(1, claimed("GET/goods"));
    enroll(2, claimed("GET/x"));
    list.lose(1, claims_start);
    enroll(3, claimed("GET/goods"));
    enroll(3, claimed("GET/y"));
    EXPECT_EQ(urls(), "GET/x");
    enroll(4, claimed("GET/goods"));
    EXPECT_EQ(urls(), "GET/goods");
}

TEST_F(node_claims_test, a_node_has_a_limited_number_of_descriptions) {
    enroll(1, claimed("GET/goods"));
    for (holder_id by = 2; by <= node_claims::claims_max; ++by) {
        enroll(by, claimed("GET/" + std::to_string(by)));
    }
    const node_list::holder one_more{1000, "127.0.0.1"};
    EXPECT_FALSE(list.enroll(one_more, claimed("GET/more"), claims_start));
    EXPECT_TRUE(list.enroll(one_more, claimed("GET/goods"), claims_start));
    list.lose(5, claims_start);
    EXPECT_TRUE(list.enroll({1001, "127.0.0.1"}, claimed("GET/more"), claims_start))
        << "a description without holders makes room";
    EXPECT_EQ(urls(), "GET/goods");
}

// The rest is about room: nodes of 100,000 bytes each, so that 157 of them fill the list.
node_info large(int number, std::size_t bytes = 100'000) {
    node_info made;
    made.id = {"n" + std::to_string(number), "10.0.0.1", 9010};
    made.urls.assign(bytes / 1000, std::string(997, 'x'));
    return made;
}

class list_room_test : public testing::Test {
protected:
    bool enroll(
        node_list::holder_id by,
        const node_info& node,
        const std::string& address,
        time_point at = claims_start
    ) {
        return list.enroll({by, address}, node, at).has_value();
    }

    // As many new nodes as there is room for; returns their number.
    int fill(const std::string& address, int first) {
        int number = first;
        while (enroll(static_cast<node_list::holder_id>(number), large(number), address)) {
            ++number;
        }
        return number - first;
    }

    static room_limits chosen() {
        room_limits limits;
        limits.total.routes = limits.per_address.routes = 1'000'000;
        return limits;
    }

    node_list list{7, {claim_kept, milliseconds{50}, chosen()}};
};

TEST_F(list_room_test, one_address_cannot_fill_the_list) {
    EXPECT_EQ(fill("10.0.0.1", 1000), 104);
    EXPECT_EQ(fill("10.0.0.2", 2000), 37) << "the rest is reserved for nodes that are listed";
    EXPECT_EQ(fill("10.0.0.3", 3000), 0);
}

TEST_F(list_room_test, a_proven_peer_has_no_quota) {
    node_list::holder_id by = 1;
    while (list.enroll({by, "10.0.0.1", true}, large(static_cast<int>(by)), claims_start)) {
        ++by;
    }
    EXPECT_EQ(by - 1, 141U);
}

TEST_F(list_room_test, a_node_that_is_listed_registers_again_when_the_list_is_full) {
    enroll(1, large(1), "10.0.0.1");
    fill("10.0.0.1", 1000);
    fill("10.0.0.2", 2000);
    EXPECT_TRUE(enroll(2, large(1), "10.0.0.1")) << "a second worker";
    EXPECT_TRUE(enroll(1, large(1), "10.0.0.1"));
    EXPECT_TRUE(enroll(1, large(1, 120'000), "10.0.0.1")) << "a new version, a little larger";
    EXPECT_TRUE(enroll(3, large(1, 110'000), "10.0.0.1")) << "a worker of the next version";
    EXPECT_FALSE(enroll(4, large(4), "10.0.0.1"));
}

TEST_F(list_room_test, a_connection_replaces_its_node_when_the_list_is_full) {
    fill("10.0.0.1", 1000);
    fill("10.0.0.2", 2000);
    EXPECT_TRUE(enroll(1000, large(5000), "10.0.0.1"));
    EXPECT_FALSE(enroll(9000, large(1000), "10.0.0.1"));
}

TEST_F(list_room_test, a_node_that_left_keeps_its_room_for_as_long_as_it_was_listed) {
    enroll(1, large(1), "10.0.0.1");
    enroll(2, large(2), "10.0.0.1");
    const time_point left = claims_start + milliseconds{60'000};
    list.withdraw(1, left);
    list.lose(2, left);
    list.expire(left + claim_kept);
    EXPECT_EQ(list.size(), 0U);
    fill("10.0.0.1", 1000);
    fill("10.0.0.2", 2000);
    EXPECT_FALSE(enroll(3, large(3), "10.0.0.1", left + claim_kept));
    EXPECT_TRUE(enroll(1, large(1), "10.0.0.1", left + milliseconds{59'000}));
    EXPECT_TRUE(enroll(2, large(2), "10.0.0.1", left + milliseconds{59'000}));
    EXPECT_EQ(list.size(), 141U);
}

TEST_F(list_room_test, room_that_is_not_claimed_is_free_again) {
    enroll(1, large(1), "10.0.0.1");
    const time_point left = claims_start + milliseconds{60'000};
    list.withdraw(1, left);
    EXPECT_EQ(fill("10.0.0.1", 1000), 103);
    EXPECT_TRUE(enroll(3, large(3), "10.0.0.1", left + milliseconds{60'000}));
}

TEST_F(list_room_test, a_node_that_was_listed_briefly_is_forgotten_as_quickly) {
    for (int number = 0; number < 300; ++number) {
        const auto by = static_cast<node_list::holder_id>(number + 1);
        ASSERT_TRUE(enroll(by, large(number), "10.0.0.1")) << number;
        list.withdraw(by, claims_start);
    }
}

TEST_F(list_room_test, routes_are_limited_too) {
    room_limits limits;
    limits.per_address.routes = 1500;
    list = node_list{7, {claim_kept, milliseconds{50}, limits}};
    node_info many = large(1);
    many.urls.assign(1000, "GET/x");
    ASSERT_TRUE(enroll(1, many, "10.0.0.1"));
    many.id.name = "other";
    const auto refused = list.enroll({2, "10.0.0.1"}, many, claims_start);
    ASSERT_FALSE(refused);
    EXPECT_EQ(
        refused.error().text,
        "the registry takes at most 1500 routes from 10.0.0.1 (registry.routes_per_address_max)"
    );
    EXPECT_TRUE(enroll(3, many, "10.0.0.2"));
}

TEST_F(list_room_test, contradicting_descriptions_have_a_room_of_their_own) {
    ASSERT_TRUE(enroll(1, large(1), "10.0.0.9"));
    int taken = 0;
    for (int number = 0; number < 200; ++number) {
        const auto by = static_cast<node_list::holder_id>(number + 10);
        node_info other = large(1);
        if (number >= 60) {
            other = large(number / 60 + 1);
            static_cast<void>(enroll(by + 1000, other, "10.0.0.9"));
        }
        other.urls[0] = "GET/" + std::to_string(number);
        taken += enroll(by, other, "10.0.0.1") ? 1 : 0;
    }
    EXPECT_LE(taken, 105);
    EXPECT_GE(taken, 60);
}

} // namespace
} // namespace msd::core
