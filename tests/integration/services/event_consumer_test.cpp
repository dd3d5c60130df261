// SPDX-License-Identifier: Apache-2.0
#include "integration/services/service_under_test.hpp"
#include "services/events/event_consumer.hpp"
#include "services/events/event_messages.hpp"

#include <deque>

namespace msd::test {
namespace {

using services::event_consumer;
using services::event_outcome;

// The service events: gives the scripted replies to pulls, then empty ones.
class scripted_events final : public services::peer_caller {
public:
    asio::awaitable<result<answer>>
    ask(std::string /*method*/, std::string uri, std::string params, deadline /*until*/) override {
        if (uri != "/events/pull") {
            co_return answer{.errorcode = 0, .status = 200, .body = "{}", .msd = true};
        }
        limits.push_back(services::read_pull(params).value().limit);
        if (replies.empty()) {
            co_return made_of({});
        }
        auto next = std::move(replies.front());
        replies.pop_front();
        co_return next;
    }

    [[nodiscard]] bool
    all_announce_changes(std::string_view /*method*/, std::string_view /*uri*/) override {
        return true;
    }

    static answer made_of(const store::pulled& from) {
        return {
            .errorcode = 0,
            .status = 200,
            .body = "{" + services::pulled_members(from) + "}",
            .msd = true};
    }
    static answer with_event(std::int64_t position) {
        const store::event_fields
            event{"/a", std::to_string(position), "t", "", "2024-01-31T12:00:00Z", "{}"};
        return made_of({{{{position, event}, 1, 1}}, 1, 0});
    }

    std::deque<result<answer>> replies;
    std::vector<std::int64_t> limits; // of the pulls
};

class event_consumers : public testing::Test {
protected:
    // Runs a consumer until it has asked for `pulls` batches.
    void consume(std::size_t pulls) {
        change_notes changes;
        const services::service_context context{
            .executor = loop_.executor(),
            .settings = {},
            .peers = events_,
            .changes = changes};
        event_consumer consumer{context, {.group = "g", .topics = {"t"}}};
        consumer.start(
            [this](store::pulled batch, deadline) -> asio::awaitable<result<event_outcome>> {
                if (is_of_earlier_generation_) {
                    co_return fail(errc::conflict, "earlier");
                }
                event_outcome made;
                for (const store::delivery& each : batch.events) {
                    handled_.push_back(each.event.position);
                    made.done.push_back({each.event.position, each.lease});
                }
                co_return made;
            }
        );
        loop_.run_until([&] { return events_.limits.size() >= pulls; });
        loop_.wait(consumer.stop());
    }

    loop loop_;
    scripted_events events_;
    bool is_of_earlier_generation_ = false; // what the store says of each batch
    std::vector<std::int64_t> handled_;
};

TEST_F(event_consumers, take_single_events_after_a_reply_that_did_not_arrive) {
    events_.replies = {fail(errc::timeout, "silent"), scripted_events::with_event(1)};
    consume(3);
    EXPECT_EQ(events_.limits, (std::vector<std::int64_t>{100, 1, 1}));
    EXPECT_EQ(handled_, (std::vector<std::int64_t>{1}));
}

TEST_F(event_consumers, take_single_events_after_a_reply_that_cannot_be_read) {
    auto bad = scripted_events::with_event(1);
    bad.body.replace(bad.body.find("1.0"), 3, "9.9");
    events_.replies = {bad};
    for (std::int64_t position = 1; position <= 100; ++position) {
        events_.replies.push_back(scripted_events::with_event(position));
    }
    consume(102);
    EXPECT_EQ(events_.limits.at(1), 1);
    EXPECT_EQ(events_.limits.at(100), 1);
    EXPECT_EQ(events_.limits.at(101), 100) << "all events of the batch have been tried";
    EXPECT_EQ(handled_.size(), 100U);
}

TEST_F(event_consumers, take_whole_batches_after_an_outage) {
    events_.replies = {fail(errc::unavailable, "no node")};
    consume(2);
    EXPECT_EQ(events_.limits, (std::vector<std::int64_t>{100, 100}));
}

TEST_F(event_consumers, say_once_what_to_do_after_an_older_log_was_restored) {
    is_of_earlier_generation_ = true;
    events_.replies = {scripted_events::with_event(1), scripted_events::with_event(1)};
    testing::internal::CaptureStderr();
    consume(3);
    const std::string said = testing::internal::GetCapturedStderr();
    const auto first = said.find("run msd events restored");
    EXPECT_NE(first, std::string::npos) << said;
    EXPECT_EQ(said.find("run msd events restored", first + 1), std::string::npos) << said;
}

} // namespace
} // namespace msd::test
