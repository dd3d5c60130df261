// SPDX-License-Identifier: Apache-2.0
// A worker whose service throws: from a handler, from a call on a blocking lane, from start().
#include "core/worker_message.hpp"
#include "host/service_host.hpp"
#include "integration/loop.hpp"
#include "net/blocking_lane.hpp"

#include <asio/ip/tcp.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace msd::host {
namespace {

using services::call;
using services::reply;

constexpr std::array number{
    services::parameter{.name = "number", .type = services::parameter_type::integer}};

class throwing_service final : public services::service {
public:
    explicit throwing_service(const services::service_context& context)
        : lane_{context.executor, {}} {
        routes_ = {
            {"GET",
             "/well",
             {},
             [](call) {
                 return well();
             }},
            {"GET",
             "/thrown",
             {},
             [](call) {
                 return thrown();
             }},
            {"GET",
             "/at-once",
             {},
             [](call) -> asio::awaitable<reply> {
                 throw std::runtime_error{"at once"};
             }},
            {"GET",
             "/unknown",
             {},
             [](call) -> asio::awaitable<reply> {
                 throw 7;
             }},
            {"GET",
             "/absent",
             number,
             [](call asked) {
                 return absent(std::move(asked));
             }},
            {"GET",
             "/lane",
             {},
             [this](call) {
                 return on_lane();
             }},
            {.method = "POST",
             .path = "/one-way",
             .parameters = {},
             .handle = [](call) { return thrown(); },
             .one_way = true,
             .any_params = true}};
    }

    [[nodiscard]] std::span<const services::route> routes() const override { return routes_; }
    asio::awaitable<result<void>> start() override { co_return result<void>{}; }
    asio::awaitable<void> stop() override {
        lane_.stop();
        co_return;
    }

private:
    static asio::awaitable<reply> well() { co_return services::success(); }
    static asio::awaitable<reply> thrown() {
        throw std::runtime_error{"out of order"};
        co_return services::success();
    }
    static asio::awaitable<reply> absent(call asked) {
        co_return services::success(std::to_string(asked.args.integer("number")));
    }
    asio::awaitable<reply> on_lane() {
        auto broken = []() -> result<int> {
            throw std::runtime_error{"out of order"};
        };
        const auto done = co_await lane_.run(deadline::never(), std::move(broken));
        co_return done ? services::success() : services::failure(503, "lane");
    }

    net::blocking_lane lane_;
    std::vector<services::route> routes_;
};

const services::definition throwing{
    .name = "throwing",
    .default_port = 1,
    .summary = "throws",
    .ships_logs = false,
    .create = [](const services::service_context& context) -> std::unique_ptr<services::service> {
        return std::make_unique<throwing_service>(context);
    }};

node::worker_environment environment_of(std::string pool, int control = -1) {
    node::worker_environment out;
    out.pool = std::move(pool);
    out.control = control;
    return out;
}

service_settings settings_of_test() {
    service_settings out;
    out.name = "throwing";
    out.membership.distributor_port = 1; // no distributor listens there
    return out;
}

asio::awaitable<std::string> packet_from(net::packet_connection* from) {
    for (;;) {
        const auto next = from->next();
        if (next.state == wire::frame_reader::status::complete) {
            co_return std::string{next.packet};
        }
        const auto received = co_await from->receive();
        if (!received) {
            co_return "closed";
        }
    }
}

struct conversation {
    node::worker surroundings{environment_of("throwing")};
    const service_settings settings = settings_of_test();
    service_host host{surroundings, settings, throwing};
    std::vector<std::string> replies;
    std::string stats;
};

asio::awaitable<void> converse(conversation* in) {
    auto started = co_await in->host.start();
    EXPECT_TRUE(started);
    test::doorway door{in->surroundings.loop};
    auto executor = in->surroundings.loop.get_executor();
    const deadline until = deadline::in(test::loop::patience);
    std::string host = "127.0.0.1";
    const std::uint16_t port = door.port();
    auto socket = co_await net::connect(executor, std::move(host), port, until);
    auto accepted = co_await door.next();
    in->host.serve(accepted.release(), {});
    net::packet_connection client{std::move(*socket), in->surroundings.dog, {}};
    client.send(R"({"hello":{"proto":2,"name":"test","worker":0}}¶)");
    const std::string hello = co_await packet_from(&client);
    client.send(R"({"uri":"/one-way","method":"POST","key":1,"params":{}}¶)");
    int key = 1;
    for (const std::string uri : {"thrown", "at-once", "unknown", "absent", "lane", "well"}) {
        client.send(
            R"({"uri":"/)" + uri + R"(","method":"GET","id":"id-)" + uri + R"(","key":)" +
            std::to_string(++key) + R"(,"params":{}}¶)"
        );
        std::string said = co_await packet_from(&client);
        in->replies.push_back(std::move(said));
    }
    in->stats = in->host.stats();
    client.close();
    co_await in->host.drain(deadline::in(test::loop::patience));
}

TEST(service_host, answers_500_with_the_request_id_when_a_handler_throws) {
    conversation one;
    one.surroundings.tasks.spawn(one.surroundings.dog.run());
    testing::internal::CaptureStderr();
    bool ended = false;
    auto& loop = one.surroundings.loop;
    asio::co_spawn(loop, converse(&one), [&](const std::exception_ptr& broken) {
        ended = true;
        EXPECT_FALSE(broken);
        one.surroundings.tasks.terminate();
    });
    loop.run_for(test::loop::patience);
    const std::string log = testing::internal::GetCapturedStderr();
    ASSERT_TRUE(ended);
    ASSERT_EQ(one.replies.size(), 6U);
    int key = 1;
    for (const std::string uri : {"thrown", "at-once", "unknown", "absent", "lane"}) {
        const std::string& said = one.replies.at(static_cast<std::size_t>(key) - 1);
        const std::string wanted =
            R"({"key":)" + std::to_string(++key) +
            R"(,"status":500,"errorcode":1,"errormessage":"internal error")" +
            R"(,"request_id":"id-)" + uri + R"("})";
        EXPECT_EQ(said, wanted);
        const auto line = log.find("request id-" + uri + ": ");
        ASSERT_NE(line, std::string::npos) << log;
        EXPECT_EQ(log.find("request id-" + uri + ": ", line + 1), std::string::npos) << log;
    }
    EXPECT_NE(one.replies[5].find(R"("status":200)"), std::string::npos) << one.replies[5];
    EXPECT_NE(one.stats.find(R"("handler_failures":6)"), std::string::npos) << one.stats;
}

// A role that throws from start() and leaves a thread and tasks running.
class broken_role final : public node::role {
public:
    explicit broken_role(node::worker& in)
        : tasks_{in.loop.get_executor(), net::log_failures("broken")} {
        tasks_.spawn(in.dog.run());
    }

    asio::awaitable<result<void>> start() override {
        throw std::runtime_error{"no thread to be had"};
        co_return result<void>{};
    }
    void serve(int /*fd*/, net::accept_credit /*credit*/) override {}
    asio::awaitable<void> drain(deadline /*until*/) override { co_return; }

private:
    net::task_group tasks_;
};

TEST(worker, ends_with_a_fatal_text_and_an_exit_code_when_its_start_throws) {
    std::array<int, 2> channel{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel.data()), 0);
    const unique_fd master{channel[0]};
    const auto live = [&] {
        node::worker surroundings{environment_of("broken", channel[1])};
        broken_role instance{surroundings};
        _exit(run(surroundings, instance));
    };
    EXPECT_EXIT(live(), testing::ExitedWithCode(70), "no thread to be had");
    close(channel[1]);
    std::string said;
    std::array<char, core::worker_message_bytes_max> text{};
    for (ssize_t bytes = 0; (bytes = read(master.get(), text.data(), text.size())) > 0;) {
        said.append(text.data(), static_cast<std::size_t>(bytes)) += '\n';
    }
    EXPECT_NE(
        said.find("FATAL the worker ended with an exception: no thread to be had"),
        std::string::npos
    ) << said;
}

} // namespace
} // namespace msd::host
