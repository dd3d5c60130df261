// SPDX-License-Identifier: Apache-2.0
#include "integration/store/loop.hpp"
#include "integration/store/temporary_directory.hpp"
#include "store/event_log.hpp"
#include "store/open.hpp"

#include <fmt/format.h>

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace msd::test {
namespace {

using store::delivery;
using store::event_fields;
using store::leased;

class event_logs : public testing::Test {
protected:
    void SetUp() override { open(); }

    void open() {
        log_.reset();
        store::event_log_settings chosen;
        chosen.store.executor = loop_.executor();
        chosen.store.data_dir = directory_.path() / "data";
        chosen.store.now_ms = [this] {
            if (late_call_.fetch_sub(1) == 1) {
                std::this_thread::sleep_until(late_until_.at());
            }
            return now_ms_.load();
        };
        auto opened = wait(store::open_event_log(std::move(chosen), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        log_ = std::move(*opened);
    }

    template <class T>
    T wait(asio::awaitable<T> task) {
        return loop_.wait(std::move(task));
    }
    static deadline soon() { return deadline::in(patience); }

    static event_fields
    event(std::string id, std::string subject = {}, std::string type = "purchased") {
        return {"/test", std::move(id), std::move(type), std::move(subject), "t", R"({"n":1})"};
    }

    std::int64_t publish(std::vector<event_fields> events) {
        const auto made = wait(log_->publish(std::move(events), soon()));
        EXPECT_TRUE(made) << made.error().text;
        return made->added;
    }

    store::pulled pull(std::int64_t limit = 100, std::string group = "g") {
        store::pull_request wanted;
        wanted.group = std::move(group);
        wanted.topics = {"purchased"};
        wanted.limit = limit;
        wanted.rebuilds = true;
        auto found = wait(log_->pull(std::move(wanted), soon()));
        EXPECT_TRUE(found) << found.error().text;
        return *std::move(found);
    }

    // The ids of the events that are handed out.
    std::vector<std::string> ids(const store::pulled& from) {
        std::vector<std::string> all;
        for (const delivery& each : from.events) {
            all.push_back(each.event.fields.id);
        }
        return all;
    }

    std::int64_t settle(store::settlement made) {
        made.group = "g";
        const auto settled = wait(log_->settle(std::move(made), soon()));
        EXPECT_TRUE(settled) << settled.error().text;
        return settled.value_or(-1);
    }
    std::int64_t done(const delivery& of) {
        return settle({"", {{of.event.position, of.lease}}, {}, {}, ""});
    }
    std::int64_t failed(const delivery& of, std::string problem = "no") {
        return settle({"", {}, {{of.event.position, of.lease}}, {}, std::move(problem)});
    }

    // The clock answers its late_call_th next call not before late_until_.
    std::atomic<int> late_call_ = 0;
    deadline late_until_ = deadline::never();
    std::atomic<std::int64_t> now_ms_{1'700'000'000'000};
    temporary_directory directory_;
    loop loop_;
    std::unique_ptr<store::event_log> log_;
};

using names = std::vector<std::string>;

TEST_F(event_logs, keep_each_event_once_and_in_order) {
    EXPECT_EQ(publish({event("1"), event("2", "s"), event("1")}), 2);
    EXPECT_EQ(publish({event("2"), event("3", "", "other")}), 1);
    open();
    const auto all = wait(log_->read({}, soon()));
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 3U);
    EXPECT_EQ(all->at(0).fields.id, "1");
    EXPECT_EQ(all->at(1).fields.subject, "s");
    EXPECT_EQ(all->at(2).fields.type, "other");
    EXPECT_LT(all->at(0).position, all->at(1).position);
    const auto rest = wait(log_->read({"purchased", all->at(0).position, 10}, soon()));
    ASSERT_EQ(rest.value().size(), 1U);
    EXPECT_EQ(rest->at(0).fields.id, "2");
    const auto newest = wait(log_->read({"", 0, 2, true}, soon()));
    ASSERT_EQ(newest.value().size(), 2U);
    EXPECT_EQ(newest->at(0).fields.id, "2");
    EXPECT_EQ(newest->at(1).fields.id, "3");
    const auto topics = wait(log_->topics(soon()));
    ASSERT_EQ(topics.value().size(), 2U);
    EXPECT_EQ(topics->at(0).name, "other");
    EXPECT_EQ(topics->at(1).events, 2);
}

TEST_F(event_logs, hand_each_group_all_events_of_its_topics) {
    publish({event("1"), event("x", "", "other"), event("2")});
    const auto mine = pull();
    EXPECT_EQ(ids(mine), (names{"1", "2"}));
    EXPECT_EQ(ids(pull(100, "another")), (names{"1", "2"}));
    EXPECT_TRUE(pull().events.empty());
    EXPECT_EQ(done(mine.events[0]), 1);
    EXPECT_EQ(done(mine.events[0]), 0) << "it was settled";
    EXPECT_EQ(done(mine.events[1]), 1);
    publish({event("3")});
    const auto last = pull();
    EXPECT_EQ(ids(last), names{"3"});
    EXPECT_EQ(last.floor, last.events[0].event.position - 1) << "all before it are finished";
}

TEST_F(event_logs, keep_the_order_of_each_subject) {
    publish({event("a1", "a"), event("a2", "a"), event("b1", "b"), event("c"), event("c2")});
    const auto first = pull();
    EXPECT_EQ(ids(first), (names{"a1", "b1", "c", "c2"}));
    EXPECT_TRUE(pull().events.empty());
    EXPECT_EQ(failed(first.events[0]), 1);
    EXPECT_TRUE(pull().events.empty()) << "a2 waits for a1";
    now_ms_ += 1000;
    const auto again = pull();
    EXPECT_EQ(ids(again), names{"a1"});
    EXPECT_EQ(again.events[0].tries, 2);
    EXPECT_EQ(done(again.events[0]), 1);
    EXPECT_EQ(ids(pull()), names{"a2"});
}

TEST_F(event_logs, write_nothing_while_all_events_wait) {
    publish({event("a1", "a"), event("a2", "a")});
    const auto first = pull();
    ASSERT_EQ(ids(first), names{"a1"});
    for (int n = 0; n < 3; ++n) {
        EXPECT_TRUE(pull().events.empty());
    }
    EXPECT_EQ(done(first.events[0]), 1);
    const auto next = pull();
    ASSERT_EQ(ids(next), names{"a2"});
    EXPECT_EQ(next.events[0].lease, first.events[0].lease + 1) << "each write has a new lease";
}

TEST_F(event_logs, hand_an_event_out_again_when_its_lease_ends) {
    publish({event("1", "a"), event("2", "a")});
    const auto first = pull();
    now_ms_ += 29'999;
    EXPECT_TRUE(pull().events.empty());
    now_ms_ += 1;
    const auto second = pull();
    EXPECT_EQ(ids(second), names{"1"});
    EXPECT_EQ(done(first.events[0]), 0) << "its lease is over";
    EXPECT_EQ(done(second.events[0]), 1);
    EXPECT_EQ(ids(pull()), names{"2"});
}

TEST_F(event_logs, put_an_event_with_the_dead_letters_after_five_deliveries) {
    publish({event("1", "a"), event("2", "a")});
    for (const std::int64_t pause_ms : {1'000, 5'000, 30'000, 120'000, 0}) {
        const auto next = pull();
        ASSERT_EQ(ids(next), names{"1"});
        EXPECT_EQ(failed(next.events[0], "bad data"), 1);
        if (pause_ms > 0) {
            now_ms_ += pause_ms - 1;
            EXPECT_TRUE(pull().events.empty());
            now_ms_ += 1;
        }
    }
    const auto dead = wait(log_->dead_letters("g", 10, soon()));
    ASSERT_EQ(dead.value().size(), 1U);
    EXPECT_EQ(dead->at(0).event.fields.id, "1");
    EXPECT_EQ(dead->at(0).tries, 5);
    EXPECT_EQ(dead->at(0).problem, "bad data");
    EXPECT_EQ(dead->at(0).died_ms, now_ms_);
    EXPECT_TRUE(wait(log_->dead_letters("other", 10, soon())).value().empty());
    const auto next = pull();
    EXPECT_EQ(ids(next), names{"2"}) << "it no longer waits";
    EXPECT_LT(next.floor, dead->at(0).event.position) << "1 may be handed out again";
    EXPECT_EQ(wait(log_->groups(soon())).value().at(0).dead, 1);

    EXPECT_EQ(wait(log_->replay("g", 99, soon())), 0);
    EXPECT_EQ(wait(log_->replay("g", dead->at(0).event.position, soon())), 1);
    const auto replayed = pull();
    EXPECT_EQ(ids(replayed), names{"1"});
    EXPECT_EQ(replayed.events[0].tries, 1);
    EXPECT_EQ(done(replayed.events[0]), 1);
    EXPECT_EQ(done(next.events[0]), 1);
    EXPECT_TRUE(wait(log_->dead_letters("", 10, soon())).value().empty());
}

TEST_F(event_logs, forget_a_dead_letter_that_is_discarded) {
    publish({event("1", "a"), event("2", "b")});
    for (int n = 0; n < 5; ++n) {
        const auto next = pull();
        ASSERT_EQ(ids(next), (names{"1", "2"}));
        failed(next.events[0]);
        failed(next.events[1]);
        now_ms_ += 120'000;
    }
    const auto dead = wait(log_->dead_letters("g", 10, soon())).value();
    ASSERT_EQ(dead.size(), 2U);
    EXPECT_EQ(wait(log_->discard("other", 0, soon())), 0);
    EXPECT_EQ(wait(log_->discard("g", 99, soon())), 0);
    EXPECT_EQ(wait(log_->discard("g", dead[0].event.position, soon())), 1);
    EXPECT_EQ(wait(log_->discard("g", 0, soon())), 1);
    publish({event("3")});
    const auto next = pull();
    EXPECT_EQ(ids(next), names{"3"});
    EXPECT_EQ(next.floor, next.events.at(0).event.position - 1) << "nothing holds it";
}

TEST_F(event_logs, end_an_event_after_twenty_leases) {
    publish({event("1")});
    for (int n = 1; n <= 20; ++n) {
        const auto next = pull();
        ASSERT_EQ(next.events.size(), 1U) << n;
        EXPECT_EQ(next.events[0].tries, n);
        now_ms_ += 30'000;
    }
    EXPECT_TRUE(pull().events.empty());
    const auto dead = wait(log_->dead_letters("", 10, soon()));
    ASSERT_EQ(dead.value().size(), 1U);
    EXPECT_EQ(dead->at(0).problem, "no consumer finished it");
}

TEST_F(event_logs, count_failures_and_not_leases_that_end) {
    publish({event("1")});
    for (int n = 0; n < 10; ++n) {
        ASSERT_EQ(pull().events.size(), 1U) << n;
        now_ms_ += 30'000;
    }
    for (int n = 0; n < 5; ++n) {
        const auto next = pull();
        ASSERT_EQ(next.events.size(), 1U) << n;
        EXPECT_EQ(next.events[0].tries, 11 + n);
        EXPECT_EQ(failed(next.events[0]), 1);
        now_ms_ += 120'000;
    }
    EXPECT_TRUE(pull().events.empty());
    EXPECT_EQ(wait(log_->dead_letters("", 10, soon())).value().at(0).tries, 15);
}

TEST_F(event_logs, lease_nothing_to_a_caller_that_has_stopped_waiting) {
    publish({event("1")});
    late_until_ = deadline::in(milliseconds{500});
    late_call_ = 2; // the first one only looks whether there is anything
    store::pull_request wanted;
    wanted.group = "g";
    wanted.topics = {"purchased"};
    wanted.rebuilds = true;
    const auto late = wait(log_->pull(std::move(wanted), late_until_));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, errc::timeout);
    const auto next = pull();
    ASSERT_EQ(ids(next), names{"1"});
    EXPECT_EQ(next.events[0].tries, 1);
}

TEST_F(event_logs, do_not_count_a_delivery_that_is_returned) {
    publish({event("1")});
    for (int n = 0; n < 10; ++n) {
        const auto next = pull();
        ASSERT_EQ(next.events.size(), 1U) << n;
        EXPECT_EQ(next.events[0].tries, 1);
        const leased held{next.events[0].event.position, next.events[0].lease};
        EXPECT_EQ(settle({"", {}, {}, {held}, ""}), 1);
        EXPECT_TRUE(pull().events.empty());
        now_ms_ += 1000;
    }
}

TEST_F(event_logs, begin_a_group_again_when_told) {
    publish({event("1", "a"), event("2", "b")});
    const auto first = pull();
    EXPECT_EQ(done(first.events[0]), 1);
    const auto generation = wait(log_->rebuild("g", soon()));
    ASSERT_TRUE(generation) << generation.error().text;
    EXPECT_GT(*generation, first.generation);
    const auto again = pull();
    EXPECT_EQ(ids(again), (names{"1", "2"}));
    EXPECT_EQ(again.generation, *generation);
    EXPECT_EQ(again.floor, 0);
    EXPECT_EQ(wait(log_->rebuild("unknown", soon())).error().code, errc::not_found);

    store::pull_request wanted;
    wanted.group = "other";
    wanted.topics = {"purchased"};
    ASSERT_TRUE(wait(log_->pull(std::move(wanted), soon())));
    EXPECT_EQ(wait(log_->rebuild("other", soon())).error().code, errc::conflict);
}

TEST_F(event_logs, have_new_generations_after_an_older_copy_was_restored) {
    publish({event("1"), event("2")});
    const auto first = pull();
    EXPECT_EQ(done(first.events[0]), 1);
    store::pull_request wanted;
    wanted.group = "keeps";
    wanted.topics = {"purchased"};
    wanted.limit = 1;
    const auto kept = wait(log_->pull(wanted, soon())).value();
    ASSERT_EQ(ids(kept), names{"1"});
    EXPECT_EQ(wait(log_->begin_new_generations(soon())), 2);
    const auto again = pull();
    EXPECT_EQ(ids(again), (names{"1", "2"}));
    EXPECT_GT(again.generation, first.generation);
    const auto next = wait(log_->pull(wanted, soon())).value();
    EXPECT_EQ(ids(next), names{"2"}) << "it goes on";
    EXPECT_GT(next.generation, kept.generation);
}

// What consumers do is random; every event is finished once and in the order of its subject.
TEST_F(event_logs, lose_nothing_whatever_consumers_do) {
    std::mt19937 chance{7}; // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
    const auto below = [&chance](std::size_t end) {
        return static_cast<std::size_t>(chance() % end);
    };
    constexpr int events = 120;
    std::vector<delivery> held;
    std::map<std::string, std::vector<int>> finished;
    int count = 0;
    for (int published = 0, turn = 0; count < events; ++turn) {
        ASSERT_LT(turn, 20'000);
        if (published < events && below(4) != 0) {
            publish({event(std::to_string(published), fmt::format("s{}", published % 13))});
            ++published;
        }
        if (below(3) == 0) {
            for (auto& each : pull(static_cast<std::int64_t>(1 + below(20))).events) {
                held.push_back(std::move(each));
            }
        }
        if (!held.empty()) {
            const auto at = held.begin() + static_cast<std::ptrdiff_t>(below(held.size()));
            const delivery one = *at;
            held.erase(at); // with the others, its consumer has been killed
            if (below(20) != 0 && done(one) == 1) {
                finished[one.event.fields.subject].push_back(std::stoi(one.event.fields.id));
                ++count;
            }
        }
        now_ms_ += static_cast<std::int64_t>(below(300));
    }
    for (const auto& [subject, ids] : finished) {
        EXPECT_TRUE(std::ranges::is_sorted(ids)) << subject;
        EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), ids.size()) << subject;
    }
}

} // namespace
} // namespace msd::test
