// SPDX-License-Identifier: Apache-2.0
// The choice of the instance and of the connection for a request, and of the packet that is its
// reply.
#include "integration/upstream/upstreams_fixture.hpp"

#include <algorithm>

namespace msd::upstream {
namespace {

asio::awaitable<void> until_set(test::loop* on, const attempt_slot* slot) {
    std::function<bool()> came = [slot] {
        return slot->has_value();
    };
    const bool in_time = co_await on->until(std::move(came));
    EXPECT_TRUE(in_time);
}

asio::awaitable<void> wait_for(test::loop* on, milliseconds span) {
    std::function<bool()> passed = [end = deadline::in(span)] {
        return end.passed();
    };
    co_await on->until(std::move(passed));
}

std::string body_of(const upstreams::attempt& made) {
    const std::string frame = frame_of(made);
    wire::packet packet;
    EXPECT_TRUE(packet.parse(frame));
    const auto dialect = made.msd ? wire::reply_dialect::msd : wire::reply_dialect::foreign;
    const auto envelope = wire::open_envelope(packet, dialect);
    std::string out;
    for (const std::string_view piece : envelope->body()) {
        out += piece;
    }
    return out;
}

// A call that its client can cancel.
asio::awaitable<void>
ask_until_left(upstreams* services, milliseconds limit, call_handle* handle, attempt_slot* out) {
    outgoing request;
    request.method = "GET";
    request.uri = "/x";
    request.until = deadline::in(limit);
    request.handle = handle;
    auto made = co_await services->call("svc", request);
    *out = std::move(made);
}

TEST_F(upstreams_on_a_loop, matches_a_reply_with_uri_and_method_by_its_key) {
    fake_node node{loop, "svc", false};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot first;
        me->begin("GET", milliseconds{5000}, &first);
        const std::string request = co_await peer->read();
        EXPECT_NE(request.find("\"key\":1"), std::string::npos) << request;
        peer->connection->send(R"({"uri":"/x","method":"GET","key":1,"errorcode":0,"n":1}¶)");
        co_await until_set(&me->loop, &first);
        EXPECT_TRUE(first->outcome);
        EXPECT_EQ(body_of(*first), R"({"uri":"/x","method":"GET","errorcode":0,"n":1})");
        // The reply is sent again with the same key: no call waits for it, and it gets no error
        // reply.
        peer->connection->send(R"({"uri":"/x","method":"GET","key":1,"errorcode":0}¶)");
        attempt_slot second;
        me->begin("GET", milliseconds{5000}, &second);
        const std::string next = co_await peer->read();
        EXPECT_NE(next.find("\"key\":2"), std::string::npos) << next;
        peer->connection->send(R"({"uri":"/x","key":"2","errorcode":0}¶)");
        co_await until_set(&me->loop, &second);
        EXPECT_TRUE(second->outcome);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, keeps_the_status_of_a_foreign_reply_in_its_body) {
    fake_node node{loop, "svc", false};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot made;
        me->begin("GET", milliseconds{5000}, &made);
        const std::string request = co_await peer->read();
        peer->connection->send(R"({"key":1,"status":404,"errorcode":0}¶)");
        co_await until_set(&me->loop, &made);
        EXPECT_TRUE(made->outcome);
        EXPECT_EQ(made->outcome->envelope.status, 0);
        EXPECT_EQ(body_of(*made), R"({"status":404,"errorcode":0})");
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, counts_an_abandoned_request_without_a_reply_as_one_that_timed_out) {
    fake_node hung{loop, "svc", false};
    fake_node other{loop, "svc", false};
    list({hung.info, other.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* a, fake_node* b
                      ) -> asio::awaitable<void> {
        co_await a->accept();
        co_await b->accept();
        me->loop.tasks.spawn(b->answer_all());
        call_handle handle;
        attempt_slot left;
        me->loop.tasks.spawn(ask_until_left(&me->services, milliseconds{300}, &handle, &left));
        const std::string request = co_await a->read();
        EXPECT_NE(request.find("\"/x\""), std::string::npos);
        handle.cancel();
        co_await until_set(&me->loop, &left);
        EXPECT_EQ(left->outcome.error().code, errc::cancelled);
        // From now on, this instance is the last choice.
        for (int i = 0; i < 4; ++i) {
            attempt_slot made;
            me->begin("POST", milliseconds{5000}, &made);
            co_await until_set(&me->loop, &made);
            EXPECT_TRUE(made->outcome);
        }
        // Without a reply by the deadline of the request, the connection is closed.
        const std::string end = co_await a->read();
        EXPECT_EQ(end, "");
        b->connection->close();
        std::function<bool()> ended = [b] {
            return !b->answering;
        };
        co_await me->loop.until(std::move(ended));
    };
    loop.run(test(this, &hung, &other));
}

TEST_F(upstreams_on_a_loop, keeps_using_a_slow_peer_whose_reply_comes_after_the_client_closed) {
    fake_node slow{loop, "svc", false};
    list({slow.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        call_handle handle;
        attempt_slot left;
        me->loop.tasks.spawn(ask_until_left(&me->services, milliseconds{300}, &handle, &left));
        const std::string request = co_await peer->read();
        handle.cancel();
        co_await until_set(&me->loop, &left);
        peer->answer(request, "");
        co_await wait_for(&me->loop, milliseconds{400}); // past the deadline of that request
        attempt_slot made;
        me->begin("POST", milliseconds{5000}, &made);
        const std::string next = co_await peer->read();
        EXPECT_NE(next.find("\"/x\""), std::string::npos) << "the connection is still used";
        peer->answer(next, "");
        co_await until_set(&me->loop, &made);
        EXPECT_TRUE(made->outcome);
    };
    loop.run(test(this, &slow));
}

// As behind a Node.js cluster: the connection is handed to a worker that has just been killed.
TEST_F(upstreams_on_a_loop, connects_once_more_beside_a_new_connection_that_stays_silent) {
    fake_node node{loop, "svc", false};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        attempt_slot first;
        me->begin("GET", test::loop::patience, &first);
        const std::string answered = co_await peer->read();
        peer->answer(answered, "");
        co_await until_set(&me->loop, &first);
        peer->connection->close();
        co_await peer->accept();
        attempt_slot lost;
        me->begin("GET", milliseconds{3000}, &lost);
        const std::string unanswered = co_await peer->read();
        EXPECT_NE(unanswered.find("\"/x\""), std::string::npos);
        attempt_slot made;
        me->begin("GET", test::loop::patience, &made);
        const auto silent = std::move(peer->connection);
        co_await peer->accept();
        const std::string request = co_await peer->read();
        peer->answer(request, "");
        co_await until_set(&me->loop, &made);
        EXPECT_TRUE(made->outcome);
        silent->close();
        co_await until_set(&me->loop, &lost);
    };
    loop.run(test(this, &node));
}

TEST_F(upstreams_on_a_loop, skips_full_instances) {
    fake_node one{loop, "svc", false};
    fake_node two{loop, "svc", false};
    fake_node idle{loop, "svc", false};
    list({one.info, two.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* a, fake_node* b, fake_node* c
                      ) -> asio::awaitable<void> {
        co_await a->accept();
        co_await b->accept();
        std::vector<attempt_slot> waiting(2 * upstream_connection::in_flight_max);
        for (attempt_slot& slot : waiting) {
            me->begin("POST", test::loop::patience, &slot);
        }
        attempt_slot refused;
        me->begin("POST", test::loop::patience, &refused);
        co_await until_set(&me->loop, &refused);
        EXPECT_EQ(refused->outcome.error().code, errc::refused);
        EXPECT_EQ(refused->tries, 0);
        me->list({a->info, b->info, c->info});
        co_await c->accept();
        for (int i = 0; i < 3; ++i) {
            attempt_slot made;
            me->begin("POST", test::loop::patience, &made);
            const std::string request = co_await c->read();
            c->answer(request, "");
            co_await until_set(&me->loop, &made);
            EXPECT_TRUE(made->outcome);
            EXPECT_EQ(made->tries, 1);
        }
        a->connection->close();
        b->connection->close();
        std::function<bool()> all = [&waiting] {
            return std::all_of(waiting.begin(), waiting.end(), [](const auto& slot) {
                return slot.has_value();
            });
        };
        co_await me->loop.until(std::move(all));
    };
    loop.run(test(this, &one, &two, &idle));
}

asio::awaitable<void> greet_as(fake_node* node, int slot) {
    co_await node->take();
    const std::string hello = co_await node->read();
    EXPECT_NE(hello.find("\"hello\""), std::string::npos);
    const std::string said = std::to_string(slot);
    node->connection->send(R"({"hello":{"slot":)" + said + R"(,"workers":2,"generation":1}}¶)");
}

// The next packet that is not a ping.
asio::awaitable<std::string> read_request(net::packet_connection* from) {
    std::string packet = co_await fake_node::read_from(from);
    while (packet.find("\"/ping\"") != std::string::npos) {
        packet = co_await fake_node::read_from(from);
    }
    co_return packet;
}

TEST_F(upstreams_on_a_loop, retries_a_request_on_an_instance_that_has_not_failed) {
    fake_node failing{loop, "svc", true};
    fake_node other{loop, "svc", true};
    settings_here.ping_timeout = test::loop::patience; // their pings are not answered
    make_others(upstreams::connecting::eagerly);
    others_listed->show({failing.info, other.info}, registry_since);
    const auto test = [](test::loop* on, upstreams* them, fake_node* a, fake_node* b
                      ) -> asio::awaitable<void> {
        using fixture = upstreams_on_a_loop;
        co_await b->accept();
        co_await greet_as(a, 0);
        const auto first_worker = std::move(a->connection);
        co_await greet_as(a, 1); // this one stays
        attempt_slot made;
        attempt_slot at_other;
        on->tasks.spawn(fixture::ask(them, "GET", test::loop::patience, &made));
        on->tasks.spawn(fixture::ask(them, "POST", test::loop::patience, &at_other));
        const std::string request = co_await read_request(first_worker.get());
        EXPECT_NE(request.find("\"GET\""), std::string::npos) << request;
        const std::string post = co_await read_request(b->connection.get());
        EXPECT_NE(post.find("\"POST\""), std::string::npos) << post;
        first_worker->close();
        const std::string repeated =
            co_await read_request(b->connection.get()); // a's turn, but a has failed
        EXPECT_NE(repeated.find("\"GET\""), std::string::npos) << repeated;
        b->answer(post, "");
        b->answer(repeated, "");
        co_await until_set(on, &made);
        co_await until_set(on, &at_other);
        EXPECT_TRUE(made->outcome && at_other->outcome);
        EXPECT_EQ(made->tries, 2);
    };
    loop.run(test(&loop, &*others, &failing, &other));
}

// Simulates the replacement of the process that listens: until then only the kernel accepts.
TEST_F(upstreams_on_a_loop, waits_longer_for_a_hello_than_for_a_connection) {
    fake_node node{loop, "svc", true};
    settings_here.connect_timeout = milliseconds{50};
    settings_here.ping_timeout = test::loop::patience;
    make_others(upstreams::connecting::eagerly);
    others_listed->show({node.info}, registry_since);
    const auto test = [](test::loop* on, upstreams* them, fake_node* peer
                      ) -> asio::awaitable<void> {
        attempt_slot get;
        attempt_slot post;
        attempt_slot hopeless;
        attempt_slot left;
        call_handle handle;
        using fixture = upstreams_on_a_loop;
        on->tasks.spawn(fixture::ask(them, "POST", milliseconds{300}, &hopeless));
        on->tasks.spawn(fixture::ask(them, "POST", test::loop::patience, &post));
        on->tasks.spawn(ask_until_left(them, test::loop::patience, &handle, &left));
        co_await until_set(on, &hopeless);
        EXPECT_EQ(hopeless->outcome.error().code, errc::timeout);
        EXPECT_EQ(hopeless->tries, 0)
            << "no request is sent that could be executed after its deadline";
        handle.cancel();
        co_await until_set(on, &left);
        EXPECT_EQ(left->outcome.error().code, errc::cancelled);
        EXPECT_FALSE(post.has_value());
        co_await peer->take();
        const std::string hello = co_await peer->read();
        EXPECT_NE(hello.find("\"hello\""), std::string::npos) << hello;
        on->tasks.spawn(fixture::ask(them, "GET", test::loop::patience, &get));
        const std::string trial = co_await peer->read(); // when the greeting is overdue
        EXPECT_NE(trial.find("\"GET\""), std::string::npos) << trial;
        peer->connection->send("{\"hello\":{\"slot\":0,\"workers\":1,\"generation\":1}}¶");
        peer->answer(trial, "");
        const std::string request = co_await read_request(peer->connection.get());
        EXPECT_NE(request.find("\"POST\""), std::string::npos) << request;
        peer->answer(request, "");
        co_await until_set(on, &get);
        co_await until_set(on, &post);
        EXPECT_TRUE(get->outcome && post->outcome);
    };
    loop.run(test(&loop, &*others, &node));
}

} // namespace
} // namespace msd::upstream
