// SPDX-License-Identifier: Apache-2.0
#include "core/fair_queue.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using refusal = fair_queue::refusal;

class fair_queue_of_logins : public testing::Test {
protected:
    fair_queue::outcome
    add(std::uint64_t id, std::uint64_t client, std::uint64_t name, bool is_proven = false) {
        return queue.add(
            {.id = id, .client = client, .name = name, .same_max = 3, .is_proven = is_proven}
        );
    }
    // Fills the queue with tasks of `clients` clients, `each` tasks each, all with their own name.
    void fill(std::uint64_t clients, std::uint64_t each) {
        for (std::uint64_t n = 0; n < clients * each; ++n) {
            ASSERT_EQ(add(1000 + n, 100 + n / each, 10'000 + n).why, refusal::none);
        }
    }
    std::string order() {
        std::string taken;
        while (const auto id = queue.take()) {
            taken += std::to_string(*id) + ' ';
        }
        return taken;
    }

    fair_queue queue{{.total_max = 12, .client_max = 6, .name_max = 4}};
};

TEST_F(fair_queue_of_logins, keeps_the_order_of_one_name) {
    EXPECT_EQ(queue.take(), std::nullopt);
    EXPECT_TRUE(queue.empty());
    add(1, 7, 70);
    add(2, 7, 70);
    add(3, 7, 70);
    EXPECT_EQ(queue.size(), 3);
    EXPECT_EQ(order(), "1 2 3 ");
    EXPECT_TRUE(queue.empty());
}

TEST_F(fair_queue_of_logins, serves_clients_in_turn) {
    add(1, 7, 70);
    add(2, 7, 71);
    add(3, 7, 72);
    add(4, 8, 80);
    add(5, 9, 90);
    add(6, 9, 90);
    EXPECT_EQ(order(), "1 4 5 2 6 3 ");
}

TEST_F(fair_queue_of_logins, serves_the_names_of_a_client_in_turn) {
    add(1, 7, 70);
    add(2, 7, 70);
    add(3, 7, 70);
    add(4, 7, 71);
    EXPECT_EQ(order(), "1 4 2 3 ");
}

TEST_F(fair_queue_of_logins, gives_proven_tasks_every_second_turn) {
    add(1, 7, 70);
    add(2, 7, 71);
    add(3, 7, 72, true);
    add(4, 7, 72, true);
    EXPECT_EQ(order(), "3 1 4 2 ");
}

TEST_F(fair_queue_of_logins, limits_the_tasks_of_one_client_with_one_name) {
    for (std::uint64_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(add(id, 7, 70).why, refusal::none);
    }
    EXPECT_EQ(add(4, 7, 70).why, refusal::name);
    EXPECT_EQ(add(4, 7, 71).why, refusal::none);
    EXPECT_EQ(add(5, 8, 70).why, refusal::none) << "another client";
    EXPECT_EQ(queue.add({.id = 9, .client = 9, .name = 9, .same_max = 0}).why, refusal::name);
}

TEST_F(fair_queue_of_logins, limits_the_tasks_of_one_client_in_each_lane) {
    fill(1, 6);
    EXPECT_EQ(add(1, 100, 70).why, refusal::client);
    EXPECT_EQ(add(2, 101, 70).why, refusal::none) << "another client";
    EXPECT_EQ(add(3, 100, 70, true).why, refusal::none) << "a proven task";
}

TEST_F(fair_queue_of_logins, limits_the_tasks_of_one_name_of_all_clients) {
    for (std::uint64_t client = 1; client <= 4; ++client) {
        EXPECT_EQ(add(client, client, 70).why, refusal::none);
    }
    EXPECT_EQ(add(5, 5, 70).why, refusal::name);
    EXPECT_EQ(add(5, 5, 71).why, refusal::none);
    EXPECT_EQ(add(6, 6, 70, true).why, refusal::none) << "the limit is not for proven tasks";
}

TEST_F(fair_queue_of_logins, accepts_as_many_tasks_of_one_name_as_a_task_allows) {
    for (std::uint64_t id = 1; id <= 5; ++id) {
        EXPECT_EQ(queue.add({.id = id, .client = 1, .name = 70, .same_max = 5}).why, refusal::none);
    }
    EXPECT_EQ(queue.add({.id = 6, .client = 1, .name = 70, .same_max = 5}).why, refusal::name);
}

TEST_F(fair_queue_of_logins, takes_the_places_of_a_name_from_the_client_that_has_most) {
    add(1, 1, 70);
    add(2, 1, 70);
    add(3, 1, 70);
    add(4, 2, 70);
    const auto made = add(5, 3, 70);
    EXPECT_EQ(made.why, refusal::none);
    EXPECT_EQ(made.displaced, 3) << "the newest task of the client with three";
    EXPECT_EQ(add(6, 1, 70).why, refusal::name);
    EXPECT_EQ(add(7, 4, 70).displaced, 2);
    EXPECT_EQ(add(8, 5, 70).why, refusal::name) << "each client has one";
    EXPECT_EQ(order(), "1 4 5 7 ");
}

TEST_F(fair_queue_of_logins, takes_the_places_of_a_full_queue_from_the_client_that_has_most) {
    fill(2, 6);
    const auto made = add(1, 7, 70);
    EXPECT_EQ(made.why, refusal::none);
    ASSERT_TRUE(made.displaced);
    EXPECT_EQ(queue.size(), 12);
    std::size_t others = 0;
    for (std::uint64_t id = 2; add(id, 7, 70 + id).displaced; ++id) {
        ++others;
    }
    EXPECT_EQ(others, 3) << "until each of the three has four";
    EXPECT_EQ(add(99, 7, 99).why, refusal::all);
}

TEST_F(fair_queue_of_logins, refuses_only_unproven_tasks_when_many_clients_fill_it) {
    fill(12, 1);
    EXPECT_EQ(add(1, 7, 70).why, refusal::all);
    const auto made = add(2, 7, 70, true);
    EXPECT_EQ(made.why, refusal::none);
    EXPECT_TRUE(made.displaced);
    EXPECT_EQ(queue.take(), 2);
}

TEST_F(fair_queue_of_logins, shares_a_queue_full_of_proven_tasks_fairly) {
    for (std::uint64_t n = 0; n < 12; ++n) {
        ASSERT_EQ(add(n, n / 6, n, true).why, refusal::none);
    }
    EXPECT_EQ(add(20, 7, 70).why, refusal::all);
    EXPECT_TRUE(add(21, 7, 70, true).displaced);
}

TEST_F(fair_queue_of_logins, removes_a_task) {
    add(1, 7, 70);
    add(2, 7, 70);
    add(3, 7, 70);
    add(4, 8, 80, true);
    queue.remove(2);
    queue.remove(4);
    queue.remove(99);
    EXPECT_EQ(queue.size(), 2);
    EXPECT_EQ(order(), "1 3 ");
    add(5, 7, 70);
    queue.remove(5);
    EXPECT_EQ(queue.take(), std::nullopt);
}

TEST_F(fair_queue_of_logins, delays_others_by_one_task_when_one_client_floods) {
    for (std::uint64_t id = 1; id <= 6; ++id) {
        add(id, 1, 100 + id);
    }
    EXPECT_EQ(queue.take(), 1);
    add(50, 2, 200);
    EXPECT_EQ(queue.take(), 2);
    EXPECT_EQ(queue.take(), 50);
}

} // namespace
} // namespace msd::core
