// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/loop.hpp"
#include "store/redis/client.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>

#include <cstddef>
#include <exception>
#include <gtest/gtest.h>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::test {

// A Redis client with a loop of its own.
class redis_test : public testing::Test {
protected:
    using answer = result<store::redis::reply>;

    void TearDown() override {
        if (client_) {
            loop_.wait(client_->stop());
        }
    }

    /// Long timeouts where a test is not about time: the machine may be busy.
    static store::redis::client_settings settings_for(const std::string& url) {
        store::redis::client_settings chosen;
        const auto where = store::redis::parse_url(url);
        EXPECT_TRUE(where) << where.error().text;
        chosen.where = where.value();
        chosen.timeout = milliseconds{10'000};
        chosen.connect_timeout = milliseconds{10'000};
        return chosen;
    }

    void open(store::redis::client_settings chosen) {
        auto opened = store::redis::open(loop_.executor(), std::move(chosen));
        ASSERT_TRUE(opened) << opened.error().text;
        client_ = std::move(*opened);
    }

    [[nodiscard]] bool wait_usable() { return loop_.wait(client_->became_usable(soon())); }
    void wait_lost() {
        loop_.run_until([this] { return !client_->usable(); });
    }

    answer ask(std::initializer_list<std::string_view> arguments, deadline until = soon()) {
        store::redis::command what{{arguments.begin(), arguments.size()}, 1};
        return loop_.wait(client_->execute(std::move(what), until));
    }

    /// Sends all commands at once; the replies are in the order of the commands.
    std::vector<answer> ask_all(std::vector<store::redis::command> commands, deadline until) {
        struct ticket {
            answer outcome = fail(errc::internal, "not answered");
            bool done = false;
        };
        std::vector<ticket> tickets(commands.size());
        for (std::size_t i = 0; i < commands.size(); ++i) {
            auto& mine = tickets[i];
            auto ended = [&mine](const std::exception_ptr& failed, answer outcome) {
                EXPECT_FALSE(failed);
                mine.outcome = std::move(outcome);
                mine.done = true;
            };
            asio::co_spawn(
                loop_.context(),
                client_->execute(std::move(commands[i]), until),
                std::move(ended)
            );
        }
        std::vector<answer> answers;
        for (auto& each : tickets) {
            loop_.run_until([&each] { return each.done; });
            answers.push_back(std::move(each.outcome));
        }
        return answers;
    }

    static deadline soon() { return deadline::in(patience); }

    loop loop_;
    std::unique_ptr<store::redis::client> client_;
};

} // namespace msd::test
