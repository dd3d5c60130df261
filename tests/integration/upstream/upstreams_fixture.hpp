// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/loop.hpp"
#include "upstream/upstreams.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::upstream {

inline upstream_settings quick() {
    upstream_settings out;
    out.connect_timeout = milliseconds{1000};
    out.ping_timeout = milliseconds{200};
    out.ping_idle = milliseconds{200};
    out.forget_absent = milliseconds{0};
    return out;
}

// A service simulated by the test: it accepts connections and answers when the test calls it.
class fake_node {
public:
    fake_node(test::loop& on, std::string name, bool msd)
        : loop_{on},
          door_{on.context},
          msd_{msd} {
        info.id = {std::move(name), "127.0.0.1", door_.port()};
        info.urls = {"GET/x", "POST/x"};
        info.proto = msd ? 2 : 1;
    }

    // Accepts one connection; as an msd node, answers its hello and sends `more` with the answer.
    asio::awaitable<void> accept(std::string more = {}) {
        co_await take();
        if (msd_) {
            co_await greet(std::move(more));
        }
    }

    asio::awaitable<void> take() {
        auto socket = co_await door_.next();
        connection = std::make_unique<net::packet_connection>(
            std::move(socket),
            loop_.dog,
            net::packet_connection_settings{}
        );
    }

    asio::awaitable<void> greet(std::string more = {}) {
        const std::string hello = co_await read();
        EXPECT_NE(hello.find("\"hello\""), std::string::npos);
        connection->send("{\"hello\":{\"slot\":0,\"workers\":1,\"generation\":1}}¶" + more);
    }

    // The next packet.
    asio::awaitable<std::string> read() { return read_from(connection.get()); }

    static asio::awaitable<std::string> read_from(net::packet_connection* from) {
        for (;;) {
            const auto next = from->next();
            if (next.state == wire::frame_reader::status::complete) {
                co_return std::string{next.packet};
            }
            const auto received = co_await from->receive();
            if (!received) {
                co_return std::string{};
            }
        }
    }

    // Answers all requests until the connection ends.
    asio::awaitable<void> answer_all() {
        answering = true;
        for (;;) {
            const std::string request = co_await read();
            if (request.empty()) {
                answering = false;
                co_return;
            }
            if (request.find("\"cancel\"") == std::string::npos) {
                answer(request, "");
            }
        }
    }

    void answer(std::string_view request, std::string_view members) {
        answer_on(*connection, request, members);
    }

    void answer_on(net::packet_connection& to, std::string_view request, std::string_view members)
        const {
        wire::packet packet;
        ASSERT_TRUE(packet.parse(request));
        std::string out;
        wire::append_reply(out, packet.key(), {0, "success", members, msd_ ? 201 : 0});
        to.send(out);
    }

    void shut() { door_.shut(); }

    core::node_info info;
    std::unique_ptr<net::packet_connection> connection;
    bool answering = false;

private:
    test::loop& loop_;
    test::doorway door_;
    bool msd_;
};

// The topology of one caller; a test lists nodes in it.
class listing {
public:
    explicit listing(upstreams& caller) : caller_{caller} {}

    // `is_first`: in the first list of a registry connection, as when `since` has changed.
    void show(const std::vector<core::node_info>& nodes, time_point since) {
        const bool is_first = std::exchange(since_, since) != since;
        wire::packet packet;
        const std::string text = packet_of(nodes);
        EXPECT_TRUE(packet.parse(text));
        EXPECT_TRUE(known_.apply(packet));
        const auto changes = known_.take_changes();
        caller_.update({changes, is_first, true, since});
    }

private:
    static std::string packet_of(const std::vector<core::node_info>& nodes) {
        std::string list;
        json::writer writer{list};
        writer.begin_object().key("uri").string("/distributes").key("method").string("GET");
        writer.key("key").integer(0).key("params").begin_array();
        for (const core::node_info& node : nodes) {
            writer.begin_object().key("port").integer(node.id.port);
            writer.key("name").string(node.id.name).key("urls").begin_array();
            for (const std::string& url : node.urls) {
                writer.string(url);
            }
            writer.end_array().key("host").string(node.id.host);
            if (node.proto > 1) {
                writer.key("proto").integer(node.proto);
            }
            writer.end_object();
        }
        writer.end_array().end_object();
        return list;
    }

    upstreams& caller_;
    core::topology known_;
    std::optional<time_point> since_;
};

class upstreams_on_a_loop : public testing::Test {
public:
    upstreams_on_a_loop() : services{here(), upstreams::connecting::eagerly}, listed{services} {
        services.apply(in_turn());
    }
    ~upstreams_on_a_loop() override {
        services.close();
        if (others) {
            others->close();
        }
        loop.end();
    }

    upstream_surroundings here() {
        return {loop.context.get_executor(), loop.dog, loop.tasks, settings_here, {"test", 0}};
    }

    // A choice without chance: the node with the fewest requests, of equal ones the first and then
    // the others in turn; new ones from the start on.
    static core::resilience::service_policies in_turn() {
        core::resilience::service_policies made;
        made.defaults.balance = core::resilience::balance_policy::least_requests;
        made.defaults.starting.length = milliseconds{0};
        return made;
    }

    void list(const std::vector<core::node_info>& nodes) { listed.show(nodes, registry_since); }

    // Makes `others`, with the settings of now.
    void make_others(upstreams::connecting when) {
        others.emplace(here(), when);
        others->apply(in_turn());
        others_listed.emplace(*others);
    }

    // Starts a call and stores its outcome.
    void begin(std::string method, milliseconds limit, std::optional<upstreams::attempt>* out) {
        loop.tasks.spawn(ask(&services, std::move(method), limit, out));
    }

    static asio::awaitable<void>
    ask(upstreams* services,
        std::string method,
        milliseconds limit,
        std::optional<upstreams::attempt>* out) {
        outgoing request;
        request.method = method;
        request.uri = "/x";
        request.until = deadline::in(limit);
        auto made = co_await services->call("svc", request);
        if (made.outcome) {
            // The views end with this turn.
            made.outcome->owner = std::make_shared<std::string>(made.outcome->frame);
        }
        *out = std::move(made);
    }

    test::loop loop;
    upstream_settings settings_here = quick();
    upstreams services;
    listing listed;                  // for services
    std::optional<upstreams> others; // with settings of a test's own
    std::optional<listing> others_listed;
    time_point registry_since = clock::now() - milliseconds{1000};
};

using attempt_slot = std::optional<upstreams::attempt>;

inline std::string frame_of(const upstreams::attempt& made) {
    return *std::static_pointer_cast<const std::string>(made.outcome->owner);
}

} // namespace msd::upstream
