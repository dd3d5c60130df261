// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: the behaviour of upstreams with one simulated peer.
#include "integration/upstream/upstreams_fixture.hpp"

namespace msd::upstream {
namespace {

TEST_F(upstreams_on_a_loop, matches_replies_that_arrive_in_another_order) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot first;
        attempt_slot second;
        me->begin("GET", test::loop::patience, &first);
        const std::string one = co_await peer->read();
        me->begin("GET", test::loop::patience, &second);
        const std::string two = co_await peer->read();
        peer->answer(two, "\"n\":2");
        peer->answer(one, "\"n\":1");
        std::function<bool()> both = [&first, &second] {
            return first && second;
        };
        const bool came = co_await me->loop.until(std::move(both));
        EXPECT_TRUE(came);
        EXPECT_NE(frame_of(*first).find("\"n\":1"), std::string::npos);
        EXPECT_NE(frame_of(*second).find("\"n\":2"), std::string::npos);
        EXPECT_EQ(first->outcome->envelope.status, 201);
        EXPECT_TRUE(first->msd);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, sends_a_foreign_node_the_key_at_the_top_and_in_params) {
    fake_node node{loop, "svc", false};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        const std::string request = co_await peer->read();
        json::object fields;
        EXPECT_TRUE(fields.parse(request));
        json::object params;
        EXPECT_TRUE(params.parse(fields.find("params")->text));
        EXPECT_EQ(fields.find("key")->text, params.find("key")->text);
        EXPECT_EQ(fields.size(), 4U);
        peer->answer(request, "\"n\":1");
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && made->outcome);
        EXPECT_FALSE(made->msd);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, retries_a_get_on_another_instance_when_its_connection_breaks) {
    fake_node one{loop, "svc", true};
    fake_node two{loop, "svc", true};
    list({one.info, two.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* a, fake_node* b
                      ) -> asio::awaitable<void> {
        co_await a->accept();
        co_await b->accept();
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        co_await a->read();
        a->connection->close();
        const std::string again = co_await b->read();
        EXPECT_NE(again.find("\"/x\""), std::string::npos);
        b->answer(again, "\"n\":1");
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && made->outcome);
        EXPECT_EQ(made->tries, 2);
    };
    loop.run(test(this, &one, &two));
}

TEST_F(upstreams_on_a_loop, never_retries_a_post_that_may_have_been_executed) {
    fake_node one{loop, "svc", true};
    fake_node two{loop, "svc", true};
    list({one.info, two.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* a, fake_node* b
                      ) -> asio::awaitable<void> {
        co_await a->accept();
        co_await b->accept();
        attempt_slot made;
        me->begin("POST", test::loop::patience, &made);
        co_await a->read();
        a->connection->close();
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && !made->outcome);
        EXPECT_EQ(made->outcome.error().code, errc::closed);
        EXPECT_EQ(made->tries, 1);
    };
    loop.run(test(this, &one, &two));
}

TEST_F(upstreams_on_a_loop, ends_a_call_at_its_deadline_and_cancels_it_at_the_service) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot made;
        me->begin("GET", milliseconds{60}, &made);
        co_await peer->read();
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && !made->outcome);
        EXPECT_EQ(made->outcome.error().code, errc::timeout);
        const std::string next = co_await peer->read();
        EXPECT_NE(next.find("\"cancel\""), std::string::npos);
    };
    loop.run(test(this, &node));
}

// The reply to a ping may queue behind many large replies.
TEST_F(upstreams_on_a_loop, keeps_a_peer_that_sends_other_packets_before_it_answers_a_ping) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        const std::string ping = co_await peer->read();
        EXPECT_NE(ping.find("\"/ping\""), std::string::npos);
        const time_point end = clock::now() + milliseconds{700}; // three times its time limit
        while (clock::now() < end) {
            peer->connection->send("{\"key\":999999,\"errorcode\":0}¶");
            const time_point next = clock::now() + milliseconds{20};
            std::function<bool()> later = [next] {
                return clock::now() >= next;
            };
            co_await me->loop.until(std::move(later));
        }
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        const std::string request = co_await peer->read();
        EXPECT_NE(request.find("\"/x\""), std::string::npos) << request;
        peer->answer(ping, "");
        peer->answer(request, "\"n\":1");
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && made->outcome);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, sends_nothing_to_a_peer_that_does_not_answer_pings_until_it_does) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        const std::string ping = co_await peer->read();
        EXPECT_NE(ping.find("\"/ping\""), std::string::npos);
        bool refused = false;
        while (!refused) {
            attempt_slot made;
            me->begin("GET", milliseconds{50}, &made);
            std::function<bool()> came = [&made] {
                return made.has_value();
            };
            const bool ended = co_await me->loop.until(std::move(came));
            EXPECT_TRUE(ended);
            refused = made->outcome.error().code == errc::unavailable;
        }
        peer->answer(ping, "");
        me->loop.tasks.spawn(peer->answer_all());
        attempt_slot made;
        while (!made || !made->outcome) {
            made.reset();
            me->begin("GET", milliseconds{1000}, &made);
            std::function<bool()> came = [&made] {
                return made.has_value();
            };
            co_await me->loop.until(std::move(came));
        }
        EXPECT_TRUE(made->outcome.has_value());
        peer->connection->close();
        std::function<bool()> ended = [peer] {
            return !peer->answering;
        };
        co_await me->loop.until(std::move(ended));
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, uses_a_peer_that_sent_goaway_until_it_has_reconnected) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot first;
        attempt_slot second;
        attempt_slot third;
        me->begin("POST", test::loop::patience, &first);
        const std::string request = co_await peer->read();
        const auto old = std::move(peer->connection);
        old->send("{\"goaway\":{\"last_key\":1}}¶");
        co_await peer->take(); // it connects, but the peer has not sent its hello yet
        me->begin("POST", test::loop::patience, &second);
        const std::string later = co_await fake_node::read_from(old.get());
        EXPECT_NE(later.find("\"/x\""), std::string::npos);
        co_await peer->greet();
        peer->answer_on(*old, request, "\"n\":1");
        peer->answer_on(*old, later, "\"n\":2");
        std::function<bool()> both = [&first, &second] {
            return first && second;
        };
        co_await me->loop.until(std::move(both));
        EXPECT_TRUE(first && first->outcome && second && second->outcome);
        auto more = co_await old->receive();
        while (more) {
            more = co_await old->receive();
        }
        me->begin("POST", test::loop::patience, &third);
        const std::string next = co_await peer->read();
        peer->answer(next, "\"n\":3");
        std::function<bool()> last = [&third] {
            return third.has_value();
        };
        co_await me->loop.until(std::move(last));
        EXPECT_TRUE(third && third->outcome);
    };
    loop.run(test(this, &node));
}

// No worker replaces the peer: its connection is closed as soon as that is known.
TEST_F(upstreams_on_a_loop, closes_a_peer_that_sent_goaway_and_cannot_be_replaced) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        peer->shut();
        attempt_slot made;
        me->begin("POST", test::loop::patience, &made);
        const std::string request = co_await peer->read();
        peer->connection->send("{\"goaway\":{\"last_key\":1}}¶");
        peer->answer(request, "\"n\":1");
        auto more = co_await peer->connection->receive();
        while (more) {
            more = co_await peer->connection->receive();
        }
        EXPECT_TRUE(made && made->outcome);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, does_not_count_a_goaway_right_after_the_hello_as_a_failure) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        attempt_slot made;
        me->begin("POST", test::loop::patience, &made);
        std::string goaway = "{\"goaway\":{\"last_key\":0}}¶";
        co_await peer->accept(std::move(goaway));
        const auto old = std::move(peer->connection);
        const std::string request = co_await fake_node::read_from(old.get());
        peer->answer_on(*old, request, "\"n\":2");
        co_await peer->accept();
        std::function<bool()> done = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(done));
        EXPECT_TRUE(made && made->outcome);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, keeps_a_node_that_a_new_registry_does_not_list_yet) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        me->listed.show({}, time_point::min());
        EXPECT_TRUE(me->services.knows("svc"));
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        const std::string request = co_await peer->read();
        peer->answer(request, "\"n\":1");
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && made->outcome);
        me->registry_since += milliseconds{1};
        me->list({});
        EXPECT_FALSE(me->services.knows("svc"));
        EXPECT_FALSE(me->services.have_all_deregistered("svc"));
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, keeps_a_node_when_a_registry_that_does_not_list_it_is_lost_again) {
    fake_node node{loop, "svc", true};
    settings_here.forget_absent = milliseconds{20};
    make_others(upstreams::connecting::eagerly);
    others_listed->show({node.info}, clock::now() - milliseconds{1000});
    const auto test = [](upstreams_on_a_loop* me, upstreams* them, fake_node* peer
                      ) -> asio::awaitable<void> {
        co_await peer->accept();
        me->others_listed->show({}, clock::now());
        them->registry_lost();
        std::function<bool()> long_after = [end = deadline::in(milliseconds{100})] {
            return end.passed();
        };
        co_await me->loop.until(std::move(long_after));
        EXPECT_TRUE(them->knows("svc"));
        me->others_listed->show({}, clock::now());
        std::function<bool()> forgotten = [them] {
            return !them->knows("svc");
        };
        co_await me->loop.until(std::move(forgotten));
    };
    loop.run(test(this, &*others, &node));
}

TEST_F(upstreams_on_a_loop, recognizes_an_msd_node_whose_hello_arrives_with_its_first_reply) {
    fake_node node{loop, "svc", true};
    settings_here.connect_timeout = test::loop::patience;
    make_others(upstreams::connecting::eagerly);
    others_listed->show({node.info}, registry_since);
    const auto test = [](test::loop* on, upstreams* them, fake_node* peer
                      ) -> asio::awaitable<void> {
        co_await peer->take();
        const std::string hello =
            co_await peer->read(); // waits longer than a caller waits for a hello
        EXPECT_NE(hello.find("\"hello\""), std::string::npos) << hello;
        attempt_slot made;
        on->tasks.spawn(ask(them, "GET", test::loop::patience, &made));
        const std::string request = co_await peer->read();
        EXPECT_NE(request.find("\"/x\""), std::string::npos);
        peer->connection->send("{\"hello\":{\"slot\":0,\"workers\":1,\"generation\":1}}¶");
        peer->answer(request, "\"n\":1");
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await on->until(std::move(came));
        EXPECT_TRUE(made && made->outcome);
        EXPECT_TRUE(made->msd);
    };
    loop.run(test(&loop, &*others, &node));
}

TEST_F(upstreams_on_a_loop, waits_for_a_node_that_closed_one_connection_without_a_reply) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->take();
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        peer->connection->close(); // simulates a worker that is killed before it answers the hello
        co_await peer->accept();
        const std::string request = co_await peer->read();
        peer->answer(request, "");
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && made->outcome);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, has_room_for_new_services_after_many_services_have_gone) {
    make_others(upstreams::connecting::on_demand);
    constexpr int services_max = 4096;
    std::vector<core::node_info> many(services_max);
    for (int i = 0; i < services_max; ++i) {
        many[static_cast<std::size_t>(i)].id = {"s" + std::to_string(i), "127.0.0.1", 1};
        many[static_cast<std::size_t>(i)].urls = {"GET/s" + std::to_string(i)};
    }
    others_listed->show(many, registry_since);
    many[0].id.name = "other";
    others_listed->show(many, registry_since);
    EXPECT_TRUE(others->knows("other"));
    EXPECT_TRUE(others->knows("s1"));
    many[0].id.name = "one";
    many.push_back(many[1]);
    many.back().id.name = "too many";
    others_listed->show(many, registry_since);
    EXPECT_TRUE(others->knows("one"));
    EXPECT_FALSE(others->knows("too many"));
}

TEST_F(upstreams_on_a_loop, distinguishes_a_node_that_deregistered_from_a_lost_node) {
    const fake_node node{loop, "svc", true};
    list({node.info});
    list({});
    EXPECT_FALSE(services.knows("svc"));
    EXPECT_TRUE(services.have_all_deregistered("svc"));
}

TEST_F(upstreams_on_a_loop, gives_the_routes_of_a_service_that_left_to_a_listed_service) {
    const fake_node gone{loop, "first", true};
    const fake_node there{loop, "second", false};
    const auto asked = [this] {
        return services.routes().find("GET", "/x").target->service;
    };
    list({gone.info, there.info});
    EXPECT_EQ(asked(), "first");
    list({there.info});
    EXPECT_EQ(asked(), "second");
    list({});
    EXPECT_EQ(asked(), "first") << "its clients get the reply that the service has left";
}

TEST_F(upstreams_on_a_loop, admits_a_service_that_had_no_room_when_another_has_left) {
    make_others(upstreams::connecting::on_demand);
    constexpr int services_max = 4096;
    std::vector<core::node_info> many(services_max + 1);
    for (std::size_t i = 0; i < many.size(); ++i) {
        many[i].id = {"s" + std::to_string(10'000 + i), "127.0.0.1", 1};
        many[i].urls = {"GET/s" + std::to_string(i)};
    }
    others_listed->show(many, registry_since);
    EXPECT_FALSE(others->knows(many.back().id.name));
    many.erase(many.begin() + 7);
    others_listed->show(many, registry_since);
    EXPECT_TRUE(others->knows(many.back().id.name));
    const std::string path = many.back().urls[0].substr(3);
    EXPECT_EQ(others->routes().find("GET", path).what, core::route_table::outcome::found);
}

TEST_F(upstreams_on_a_loop, never_calls_a_host_that_no_list_may_name) {
    fake_node node{loop, "svc", false};
    std::vector<core::node_info> nodes(6, node.info);
    int number = 0;
    for (const char* host : {"169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::", "1"}) {
        nodes[static_cast<std::size_t>(number++)].id.host = host;
    }
    list(nodes);
    EXPECT_FALSE(services.knows("svc"));
    EXPECT_EQ(services.routes().find("GET", "/x").what, core::route_table::outcome::unknown);
    nodes[0].id.host = "127.0.0.1";
    list(nodes);
    EXPECT_TRUE(services.knows("svc"));
}

TEST_F(upstreams_on_a_loop, removes_many_absent_nodes_in_several_turns) {
    make_others(upstreams::connecting::on_demand);
    std::vector<core::node_info> many(10);
    for (std::size_t i = 0; i < many.size(); ++i) {
        many[i].id = {"s" + std::to_string(i), "127.0.0.1", 1};
        for (int url = 0; url < 900; ++url) {
            many[i].urls.push_back("GET/" + std::to_string(i) + "/" + std::to_string(url));
        }
    }
    others_listed->show(many, registry_since);
    others_listed->show({}, registry_since);
    const auto count = [this] {
        return others->routes().routes().size();
    };
    EXPECT_GT(count(), 0U) << "all in one turn";
    const auto test = [](upstreams_on_a_loop* me) -> asio::awaitable<void> {
        std::function<bool()> none_left = [me] {
            return me->others->routes().empty();
        };
        const bool came = co_await me->loop.until(std::move(none_left));
        EXPECT_TRUE(came);
    };
    loop.run(test(this));
}

TEST_F(upstreams_on_a_loop, fails_at_once_when_no_instance_can_be_reached) {
    core::node_info dead;
    {
        const fake_node node{loop, "svc", false};
        dead = node.info;
    }
    list({dead});
    const auto test = [](upstreams_on_a_loop* me) -> asio::awaitable<void> {
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        std::function<bool()> came = [&made] {
            return made.has_value();
        };
        co_await me->loop.until(std::move(came));
        EXPECT_TRUE(made && !made->outcome);
        EXPECT_EQ(made->outcome.error().code, errc::unavailable);
        EXPECT_EQ(made->tries, 0);
    };
    loop.run(test(this));
}

} // namespace
} // namespace msd::upstream
