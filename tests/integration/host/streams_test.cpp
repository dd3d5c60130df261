// SPDX-License-Identifier: Apache-2.0
// Replies with headers and replies that are streams, on a packet connection of the host.
#include "functional/streaming/streaming_service.hpp"
#include "host/service_host.hpp"
#include "integration/loop.hpp"
#include "wire/stream_packets.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace msd::host {
namespace {

const services::definition streaming{
    .name = "streaming",
    .default_port = 1,
    .summary = "streams",
    .ships_logs = false,
    .create = services::make_streaming_service};

node::worker_environment environment_of_test() {
    node::worker_environment out;
    out.pool = "streaming";
    return out;
}

service_settings settings_of_streams() {
    service_settings out;
    out.name = "streaming";
    out.membership.distributor_port = 1; // no distributor listens there
    return out;
}

class caller;
using script = asio::awaitable<void> (*)(caller*);

// A caller on one connection to a host.
class caller {
public:
    // Runs `what` between the start and the end of the host.
    static void run(script what) {
        caller one;
        one.surroundings.tasks.spawn(one.surroundings.dog.run());
        bool ended = false;
        auto& loop = one.surroundings.loop;
        asio::co_spawn(loop, one.converse(what), [&](const std::exception_ptr& broken) {
            ended = true;
            EXPECT_FALSE(broken);
            one.surroundings.tasks.terminate();
        });
        loop.run_for(test::loop::patience);
        EXPECT_TRUE(ended);
    }

    asio::awaitable<void> connect(std::string hello) {
        const std::uint16_t port = door.port();
        auto executor = surroundings.loop.get_executor();
        const deadline until = deadline::in(test::loop::patience);
        std::string address = "127.0.0.1";
        auto socket = co_await net::connect(executor, std::move(address), port, until);
        auto accepted = co_await door.next();
        host.serve(accepted.release(), {});
        connection = std::make_unique<net::packet_connection>(
            std::move(*socket),
            surroundings.dog,
            net::packet_connection_settings{}
        );
        if (!hello.empty()) {
            connection->send(hello);
            co_await read();
        }
    }

    void request(int key, std::string_view path, std::string_view more = R"("params":{})") {
        connection->send(
            R"({"uri":"/s/)" + std::string{path} + R"(","method":"GET","key":)" +
            std::to_string(key) + "," + std::string{more} + "}¶"
        );
    }

    // The next packet; empty: the connection has ended.
    asio::awaitable<std::string> read() {
        for (;;) {
            const auto next = connection->next();
            if (next.state == wire::frame_reader::status::complete) {
                co_return std::string{next.packet};
            }
            const auto received = co_await connection->receive();
            if (!received) {
                co_return std::string{};
            }
        }
    }

    // Reads until the packet with key `key`, and counts the text of the parts before it.
    asio::awaitable<std::size_t> text_before(std::string key) {
        std::size_t bytes = 0;
        for (;;) {
            const std::string frame = co_await read();
            if (frame.empty() || frame.starts_with("{\"key\":" + key + ",")) {
                co_return bytes;
            }
            wire::packet packet;
            EXPECT_TRUE(packet.parse(frame));
            const auto part = wire::read_stream_packet(packet);
            bytes += part ? part->part.text.size() : 0;
        }
    }

    // The reply to /s/state once it contains `text`.
    asio::awaitable<bool> until_state_has(std::string text) {
        const deadline until = deadline::in(test::loop::patience / 2);
        while (!until.passed()) {
            request(900, "state");
            const std::string state = co_await read();
            if (state.find(text) != std::string::npos) {
                co_return true;
            }
        }
        co_return false;
    }

    node::worker surroundings{environment_of_test()};
    const service_settings settings = settings_of_streams();
    service_host host{surroundings, settings, streaming};
    test::doorway door{surroundings.loop};
    std::unique_ptr<net::packet_connection> connection;
    bool is_drained = false; // by the script

private:
    asio::awaitable<void> converse(script what) {
        const auto started = co_await host.start();
        EXPECT_TRUE(started);
        co_await what(this);
        if (connection) {
            connection->close();
        }
        if (!is_drained) {
            co_await host.drain(deadline::in(test::loop::patience));
        }
    }
};

constexpr const char* gateway_hello =
    R"({"hello":{"proto":2,"name":"gate","worker":0,"streams":true}}¶)";

TEST(host_headers, are_sent_to_msd_callers_and_never_to_foreign_ones) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        me->request(1, "redirect");
        const std::string reply = co_await me->read();
        EXPECT_EQ(
            reply,
            R"({"key":1,"status":303,"headers":{"location":"/s/page","set-cookie":)"
            R"(["a=1; Path=/","b=2"],"x-injected":"1\r\nset-cookie: c=3"},)"
            R"("errorcode":0,"errormessage":"success"})"
        );
        me->connection->close();
        co_await me->connect("");
        me->request(1, "redirect");
        const std::string foreign = co_await me->read();
        EXPECT_EQ(foreign, R"({"key":1,"errorcode":0,"errormessage":"success"})");
    });
}

TEST(host_headers, of_a_request_reach_the_handler_as_far_as_its_route_wants_them) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        me->request(
            1,
            "page",
            R"("headers":{"if-none-match":"\"v1\"","cookie":"a=1","accept":"*/*"},"params":{})"
        );
        const std::string reply = co_await me->read();
        EXPECT_NE(reply.find(R"("status":304)"), std::string::npos);
        EXPECT_NE(reply.find(R"("cookie":"a=1","headers":2)"), std::string::npos);
        me->request(2, "page", R"("headers":["cookie"],"params":{"cookie":"b=2"})");
        const std::string bare = co_await me->read();
        EXPECT_NE(bare.find(R"("status":200)"), std::string::npos);
        EXPECT_NE(bare.find(R"("cookie":"none","headers":0)"), std::string::npos);
    });
}

TEST(host_streams, have_their_parts_between_the_reply_and_the_end) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        me->request(1, "events");
        std::vector<std::string> packets;
        for (int i = 0; i < 4; ++i) {
            std::string packet = co_await me->read();
            packets.push_back(std::move(packet));
        }
        EXPECT_EQ(
            packets.at(0),
            R"({"key":1,"status":200,"headers":{"content-type":"text/event-stream",)"
            R"("cache-control":"no-store"},"stream":true,"errorcode":0,"errormessage":"success"})"
        );
        EXPECT_EQ(packets.at(1), R"({"key":1,"chunk":"plain"})");
        EXPECT_EQ(packets.at(2), R"({"key":1,"chunk":"two\nlines","event":"goods","id":"7"})");
        EXPECT_EQ(packets.at(3), R"({"key":1,"end":true})");
    });
}

TEST(host_streams, report_a_failure_of_the_handler_at_their_end) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        testing::internal::CaptureStderr();
        for (const std::string path : {"fails", "throws"}) {
            me->request(1, path);
            co_await me->read();
            co_await me->read();
            const std::string end = co_await me->read();
            EXPECT_TRUE(end.starts_with(R"({"key":1,"end":true,"errorcode":1,)")) << end;
        }
        testing::internal::GetCapturedStderr();
        me->request(2, "none");
        const std::string none = co_await me->read();
        EXPECT_EQ(none, R"({"key":2,"status":404,"errorcode":1,"errormessage":"no such stream"})");
    });
}

TEST(host_streams, are_refused_to_callers_that_do_not_accept_them) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(R"({"hello":{"proto":2,"name":"gate","worker":0}}¶)");
        me->request(1, "events");
        const std::string refused = co_await me->read();
        EXPECT_TRUE(refused.starts_with(R"({"key":1,"status":501,"errorcode":1,)")) << refused;
    });
}

TEST(host_streams, stop_when_the_credit_is_used_and_go_on_when_there_is_more) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        me->request(1, "endless");
        co_await me->read();
        // Other requests of the connection are answered meanwhile.
        me->request(2, "state");
        const std::size_t first = co_await me->text_before("2");
        EXPECT_GT(first, wire::stream_credit_bytes / 2);
        EXPECT_LE(first, wire::stream_credit_bytes);
        me->connection->send(R"({"credit":1,"bytes":65536}¶{"credit":77,"bytes":9}¶)");
        me->request(2, "state");
        const std::size_t second = co_await me->text_before("2");
        me->request(2, "state");
        const std::size_t third = co_await me->text_before("2");
        EXPECT_GT(second + third, wire::stream_credit_bytes / 2);
        EXPECT_LE(first + second + third, 2 * wire::stream_credit_bytes);
        me->connection->send(R"({"cancel":1}¶)");
        const bool cancelled = co_await me->until_state_has(R"("cancelled":1)");
        EXPECT_TRUE(cancelled);
    });
}

TEST(host_streams, end_when_they_are_cancelled_or_their_connection_is_lost) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        me->request(1, "forever");
        me->request(2, "forever");
        for (int i = 0; i < 4; ++i) {
            co_await me->read();
        }
        me->connection->send(R"({"cancel":1}¶)");
        const bool one = co_await me->until_state_has(R"("open":1,"cancelled":1)");
        me->connection->close();
        co_await me->connect(gateway_hello);
        const bool two = co_await me->until_state_has(R"("open":0,"cancelled":2)");
        EXPECT_TRUE(one && two);
    });
}

TEST(host_streams, without_end_are_ended_when_the_worker_drains) {
    caller::run([](caller* me) -> asio::awaitable<void> {
        co_await me->connect(gateway_hello);
        me->request(1, "forever");
        co_await me->read();
        co_await me->read();
        me->is_drained = true;
        bool drained = false;
        auto& loop = me->surroundings.loop;
        asio::co_spawn(
            loop,
            me->host.drain(deadline::in(test::loop::patience)),
            [&drained](const std::exception_ptr&) { drained = true; }
        );
        std::string all;
        while (all.find(R"("end":true)") == std::string::npos) {
            const std::string packet = co_await me->read();
            if (packet.empty()) {
                break;
            }
            all += packet;
        }
        EXPECT_NE(all.find(R"({"goaway":{"last_key":1}})"), std::string::npos) << all;
        EXPECT_NE(all.find(R"({"key":1,"chunk":"bye"}{"key":1,"end":true})"), std::string::npos)
            << all;
        me->connection->close();
        while (!drained) {
            asio::steady_timer pause{loop, milliseconds{2}};
            co_await pause.async_wait(asio::use_awaitable);
        }
    });
}

} // namespace
} // namespace msd::host
