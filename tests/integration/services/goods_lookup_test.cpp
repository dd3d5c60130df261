// SPDX-License-Identifier: Apache-2.0
#include "integration/services/service_under_test.hpp"
#include "net/one_shot.hpp"
#include "services/goods_lookup.hpp"

#include <asio/experimental/as_tuple.hpp>

#include <array>
#include <functional>
#include <gtest/gtest.h>

namespace msd::test {
namespace {

using services::goods_answer;
using services::goods_lookup;

constexpr std::string_view row = R"({"id":7,"name":"연필","price":4.15,"more":[1]})";

// A goods service whose replies the test triggers.
class patient_peer final : public services::peer_caller {
public:
    using reply_type = net::one_shot<answer>;

    asio::awaitable<result<answer>>
    ask(std::string method, std::string uri, std::string params, deadline until) override {
        asked.push_back(method + " " + uri + " " + params);
        asio::steady_timer limit{*executor, until.at()};
        reply_type reply;
        waiting = &reply;
        // Like upstreams: no caller waits beyond its deadline.
        limit.async_wait([&reply](const asio::error_code& cut) {
            if (!cut) {
                reply.set(fail(errc::timeout, "silent"));
            }
        });
        auto said = co_await reply.wait();
        co_return said;
    }

    [[nodiscard]] bool
    all_announce_changes(std::string_view /*method*/, std::string_view /*uri*/) override {
        return true;
    }

    void say(std::string body, int status = 200, bool msd = true) {
        answer said;
        said.body = std::move(body);
        said.status = status;
        said.msd = msd;
        std::exchange(waiting, nullptr)->set(std::move(said));
    }
    void say_row(std::string text = std::string{row}) { say(R"({"results":[)" + text + "]}"); }
    void fail_with(errc code) { std::exchange(waiting, nullptr)->set(fail(code, "broken")); }

    asio::any_io_executor* executor = nullptr;
    std::vector<std::string> asked;
    reply_type* waiting = nullptr; // for the latest request
};

class lookup : public testing::Test {
protected:
    struct asking {
        std::optional<result<goods_answer>> answer;
    };

    static asio::awaitable<void>
    look_up(goods_lookup* in, std::int64_t id, deadline until, asking* out) {
        auto found = co_await in->find(id, until);
        out->answer = std::move(found);
    }

    void begin(asking& out, std::int64_t id = 7, milliseconds limit = patience) {
        asio::co_spawn(
            loop_.context(),
            look_up(&goods_, id, deadline::in(limit), &out),
            [](const std::exception_ptr& broken) {
                if (broken) {
                    std::rethrow_exception(broken);
                }
            }
        );
        loop_.context().restart();
        loop_.context().poll();
    }

    void until_answered(const asking& one) {
        loop_.run_until([&one] { return one.answer.has_value(); });
    }

    goods_answer found(std::int64_t id = 7) {
        asking one;
        begin(one, id);
        until_answered(one);
        return one.answer->value_or(goods_answer{});
    }

    void change(std::int64_t id) { goods_.changed({"goods", {id}}); }

    loop loop_;
    asio::any_io_executor executor_ = loop_.executor();
    patient_peer peer_;
    change_notes notes_;
    static services::service_options remembering() {
        services::service_options settings;
        settings.memory.ttl = milliseconds{60'000};
        return settings;
    }

    services::service_context context_{executor_, remembering(), peer_, notes_};
    goods_lookup goods_{context_};

    void SetUp() override { peer_.executor = &executor_; }
};

TEST_F(lookup, requests_a_product_once_and_caches_it_byte_for_byte) {
    asking first;
    begin(first);
    EXPECT_FALSE(first.answer);
    peer_.say_row();
    until_answered(first);
    ASSERT_TRUE(*first.answer);
    EXPECT_EQ((*first.answer)->row, row);
    const auto again = found();
    EXPECT_TRUE(again.known);
    EXPECT_EQ(again.row, row);
    EXPECT_EQ(again.price->text(), "4.15");
    EXPECT_EQ(peer_.asked, std::vector<std::string>{R"(GET /goods {"id":7})"});
}

TEST_F(lookup, shares_one_request_among_concurrent_lookups) {
    std::array<asking, 20> all;
    for (auto& one : all) {
        begin(one);
    }
    asking other;
    EXPECT_EQ(peer_.asked.size(), 1U);
    peer_.say_row();
    for (auto& one : all) {
        until_answered(one);
        EXPECT_EQ((*one.answer)->row, row);
    }
    begin(other, 8);
    EXPECT_EQ(peer_.asked.size(), 2U);
    peer_.fail_with(errc::unavailable);
    until_answered(other);
}

TEST_F(lookup, gives_all_waiting_lookups_the_same_failure_and_caches_none) {
    asking one;
    asking two;
    begin(one);
    begin(two);
    peer_.fail_with(errc::unavailable);
    until_answered(one);
    until_answered(two);
    EXPECT_EQ(one.answer->error().code, errc::unavailable);
    EXPECT_EQ(two.answer->error().code, errc::unavailable);
    asking three;
    begin(three);
    EXPECT_EQ(peer_.asked.size(), 2U);
    peer_.say(R"({"errorcode":1})", 503);
    until_answered(three);
    EXPECT_EQ(three.answer->error().code, errc::unavailable);
    asking four;
    begin(four);
    peer_.say("{broken");
    until_answered(four);
    EXPECT_EQ(four.answer->error().code, errc::malformed);
}

TEST_F(lookup, requests_again_for_a_lookup_with_a_later_deadline) {
    asking hasty;
    asking patient;
    begin(hasty, 7, milliseconds{30});
    begin(patient);
    until_answered(hasty);
    EXPECT_EQ(hasty.answer->error().code, errc::timeout);
    loop_.run_until([this] { return peer_.asked.size() == 2; });
    peer_.say_row();
    until_answered(patient);
    EXPECT_EQ((*patient.answer)->row, row);
}

TEST_F(lookup, lets_no_lookup_wait_beyond_its_deadline) {
    asking patient;
    asking hasty;
    begin(patient);
    begin(hasty, 7, milliseconds{30});
    until_answered(hasty);
    EXPECT_EQ(hasty.answer->error().code, errc::timeout);
    EXPECT_FALSE(patient.answer);
    peer_.say_row();
    until_answered(patient);
    EXPECT_TRUE(patient.answer->has_value());
}

TEST_F(lookup, requests_again_after_a_change) {
    asking first;
    begin(first);
    peer_.say_row();
    until_answered(first);
    change(8);
    found();
    EXPECT_EQ(peer_.asked.size(), 1U);
    change(7);
    asking second;
    begin(second);
    EXPECT_EQ(peer_.asked.size(), 2U);
    peer_.say_row(R"({"id":7,"price":9})");
    until_answered(second);
    EXPECT_EQ(found().price->text(), "9");
}

TEST_F(lookup, does_not_cache_a_response_that_a_change_has_overtaken) {
    asking before;
    begin(before);
    auto* const old_question = std::exchange(peer_.waiting, nullptr);
    change(7);
    asking after;
    begin(after);
    EXPECT_EQ(peer_.asked.size(), 2U) << "a later look-up does not wait for the outdated response";
    peer_.say_row(R"({"id":7,"price":9})");
    until_answered(after);
    EXPECT_EQ((*after.answer)->price->text(), "9");
    peer_.waiting = old_question;
    peer_.say_row();
    until_answered(before);
    EXPECT_EQ((*before.answer)->price->text(), "4.15") << "this look-up began before the change";
    EXPECT_EQ(found().price->text(), "9");
    EXPECT_EQ(peer_.asked.size(), 2U);
}

TEST_F(lookup, caches_that_a_product_does_not_exist_only_from_nodes_that_announce_changes) {
    asking one;
    begin(one);
    peer_.say(R"({"errorcode":1,"errormessage":"unknown id"})", 404, false);
    until_answered(one);
    EXPECT_FALSE((*one.answer)->known);
    asking two;
    begin(two);
    EXPECT_EQ(peer_.asked.size(), 2U);
    peer_.say(R"({"errorcode":1,"errormessage":"unknown id"})", 404, true);
    until_answered(two);
    EXPECT_FALSE(found().known);
    EXPECT_EQ(peer_.asked.size(), 2U);
    change(7);
    asking three;
    begin(three);
    EXPECT_EQ(peer_.asked.size(), 3U);
    peer_.say_row();
    until_answered(three);
    EXPECT_TRUE(found().known);
}

} // namespace
} // namespace msd::test
