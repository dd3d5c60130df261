// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/backend/http_backend.hpp"
#include "integration/gateway/fake_stream.hpp"
#include "integration/http/scripted_program.hpp"
#include "integration/loop.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::test {

// The HTTP backend in front of scripted programs.
class backend_fixture {
public:
    static constexpr const char* service = "shop";

    backend_fixture() {
        settings.name = service;
        settings.connect_timeout = loop::patience;
        settings.first_byte_timeout = loop::patience;
        settings.between_bytes_timeout = loop::patience;
    }
    ~backend_fixture() { on.end(); }

    /// Starts a program for each list; each connection follows the next script of its program.
    /// Change the settings before.
    void start_each(std::vector<std::vector<scripted_program::script>> programs_wanted) {
        for (auto& scripts : programs_wanted) {
            running.push_back(std::make_unique<scripted_program>(on, std::move(scripts)));
            settings.addresses.push_back(running.back()->address());
        }
        ASSERT_TRUE(programs.apply({settings}).has_value());
    }
    void start_one(std::vector<scripted_program::script> scripts) {
        std::vector<std::vector<scripted_program::script>> only;
        only.push_back(std::move(scripts));
        start_each(std::move(only));
    }
    void start(scripted_program::script only) { start_one({std::move(only)}); }
    [[nodiscard]] scripted_program& program(std::size_t index = 0) { return *running[index]; }

    asio::awaitable<void> call(fake_stream* client) {
        record = {};
        const gateway::backend_request request{
            .client = *client,
            .record = record,
            .service = service,
            .route = "/",
            .request_id = "id-1",
            .trace = {},
            .target = client->head.target,
            .stripped = stripped,
            .client_address = client->address.host,
            .scheme = "http",
            .host = "shop.example",
            .is_proxy_trusted = false,
            .body_bytes_max = body_bytes_max,
            .until = until,
            .reply_lines = "X-Request-Id: id-1\r\n",
        };
        auto outcome = co_await backend.run(&request);
        refused = std::move(outcome);
    }

    /// Runs one call to its end.
    void run(fake_stream& client) { on.run(call(&client)); }
    /// Begins a call; is_over says when it has ended.
    void begin(fake_stream& client) { on.tasks.spawn(begun(&client)); }
    /// Runs the loop until `holds`.
    void wait(std::function<bool()> holds) { on.run(waited(std::move(holds))); }
    void wait_for_end() {
        wait([this] { return is_over; });
    }

    loop on;
    upstream::host_cells cells{nullptr, 0};
    upstream::programs programs{on.context.get_executor(), on.dog, cells};
    upstream::injected_faults faults{nullptr};
    gateway::http_backend backend{programs, faults, "a secret of the test"};
    core::upstream_program_settings settings = in_turn();
    std::vector<std::unique_ptr<scripted_program>> running;
    gateway::exchange_record record;
    std::optional<gateway::refusal> refused;
    std::string stripped;
    std::size_t body_bytes_max = std::size_t{1} << 30;
    deadline until = deadline::never();
    bool is_over = false;

private:
    // A choice without chance: the endpoint with the fewest requests, of equal ones in turn.
    static core::upstream_program_settings in_turn() {
        core::upstream_program_settings made;
        made.policies.balance = core::resilience::balance_policy::least_requests;
        made.policies.starting.length = milliseconds{0};
        return made;
    }

    asio::awaitable<void> begun(fake_stream* client) {
        is_over = false;
        co_await call(client);
        is_over = true;
    }
    asio::awaitable<void> waited(std::function<bool()> holds) {
        const bool held = co_await on.until(std::move(holds));
        EXPECT_TRUE(held);
    }
};

} // namespace msd::test
