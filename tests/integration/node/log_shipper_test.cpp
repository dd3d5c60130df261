// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "integration/upstream/upstreams_fixture.hpp"
#include "node/log_shipper.hpp"

namespace msd::node {
namespace {

using upstream::fake_node;
using upstream::outgoing;
using upstream::upstreams_on_a_loop;

constexpr int lines_endless = 20'000; // shipped in a circle: there is no end to it

// A hostile logs service makes the worker log something for each line that it receives.
asio::awaitable<void>
feed_back(upstreams_on_a_loop* me, fake_node* logs, const log_shipper* shipper, int* received) {
    co_await logs->accept();
    std::function<bool()> is_usable = [me] {
        outgoing probe;
        probe.method = "POST";
        probe.uri = "/logs";
        return me->services.post("logs", probe).has_value();
    };
    const bool usable = co_await me->loop.until(std::move(is_usable));
    EXPECT_TRUE(usable);
    log::info("the first line");
    while (shipper->dropped() == 0 && *received < lines_endless) {
        const std::string line = co_await logs->read();
        EXPECT_FALSE(line.empty());
        ++*received;
        log::info("a line about a line");
        log::info("another one");
    }
}

TEST_F(upstreams_on_a_loop, does_not_ship_log_lines_about_log_lines_without_end) {
    fake_node logs{loop, "logs", true};
    list({logs.info});
    log_shipper shipper{loop.context.get_executor(), services};
    services.on_change([&shipper] { shipper.wake(); });
    testing::internal::CaptureStderr();
    int received = 0;
    loop.run(feed_back(this, &logs, &shipper, &received));
    testing::internal::GetCapturedStderr();
    EXPECT_GT(shipper.dropped(), 0U);
    EXPECT_LT(received, lines_endless);
    services.on_change({});
}

} // namespace
} // namespace msd::node
