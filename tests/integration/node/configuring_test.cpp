// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "node/configuring.hpp"
#include "node/worker.hpp"

#include <asio/steady_timer.hpp>

#include <fcntl.h>

#include <cstddef>
#include <functional>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace msd::node {
namespace {

using kind = core::worker_message::kind;

// A role that applies a file when the test lets it.
class patient_role final : public role {
public:
    explicit patient_role(asio::io_context& context) : may_go_{context, time_point::max()} {}

    asio::awaitable<result<void>> start() override { co_return result<void>{}; }
    void serve(int /*fd*/, net::accept_credit /*credit*/) override {}
    asio::awaitable<void> drain(deadline /*until*/) override { co_return; }

    asio::awaitable<result<void>> configure(unique_fd file) override {
        ++calls;
        has_file = has_file && file;
        [[maybe_unused]] const auto [woken] = co_await may_go_.async_wait(net::use_tuple);
        if (throws) {
            throw std::runtime_error{"no room"};
        }
        if (!refusal.empty()) {
            co_return fail(errc::invalid, refusal);
        }
        co_return result<void>{};
    }

    void let_go() { may_go_.cancel(); }

    int calls = 0;
    bool has_file = true;
    bool throws = false;
    std::string refusal;

private:
    asio::steady_timer may_go_;
};

std::vector<unique_fd> some_file() {
    std::vector<unique_fd> files;
    files.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return files;
}

class configuring_test : public testing::Test {
protected:
    ~configuring_test() override { loop_.end(); }

    void note(const std::string& number) {
        files_.note(number, some_file());
        if (files_.is_due()) {
            loop_.tasks.spawn(files_.run());
        }
    }

    /// Waits until the role has begun to apply that many files.
    void begin(int count) {
        const auto test = [](configuring_test* of, int wanted) -> asio::awaitable<void> {
            std::function<bool()> has_begun = [of, wanted] {
                return of->role_.calls == wanted;
            };
            const bool seen = co_await of->loop_.until(std::move(has_begun));
            EXPECT_TRUE(seen);
        };
        loop_.run(test(this, count));
    }

    /// Lets the role finish the file that it applies, and waits for that many answers.
    void answer(std::size_t count) {
        const auto test = [](configuring_test* of, std::size_t wanted) -> asio::awaitable<void> {
            std::function<bool()> all = [of, wanted] {
                of->role_.let_go();
                return of->answers_.size() == wanted;
            };
            const bool seen = co_await of->loop_.until(std::move(all));
            EXPECT_TRUE(seen);
        };
        loop_.run(test(this, count));
    }

    test::loop loop_;
    patient_role role_{loop_.context};
    std::vector<std::string> answers_;
    configuring files_{role_, [this](kind what, std::string text) {
                           answers_.push_back(core::encode({what, std::move(text)}));
                       }};
};

TEST_F(configuring_test, waits_for_the_start_of_the_role) {
    note("1");
    EXPECT_FALSE(files_.is_due());
    EXPECT_EQ(role_.calls, 0);
    files_.start();
    ASSERT_TRUE(files_.is_due());
    loop_.tasks.spawn(files_.run());
    answer(1);
    EXPECT_EQ(answers_, std::vector<std::string>{"CONFIGURED 1"});
    EXPECT_TRUE(role_.has_file);
}

TEST_F(configuring_test, applies_one_file_at_a_time_and_of_those_that_wait_the_newest) {
    files_.start();
    note("1");
    begin(1);
    note("2");
    note("3");
    answer(2);
    EXPECT_EQ(answers_, (std::vector<std::string>{"CONFIGURED 1", "CONFIGURED 3"}));
    EXPECT_EQ(role_.calls, 2);
    note("4");
    answer(3);
    EXPECT_EQ(answers_.back(), "CONFIGURED 4");
}

TEST_F(configuring_test, answers_with_the_reason_of_a_refusal) {
    files_.start();
    role_.refusal = "msd.toml:3: gateway.routes: no";
    note("1");
    answer(1);
    role_.throws = true;
    note("2");
    answer(2);
    files_.note("3", {});
    EXPECT_EQ(
        answers_,
        (std::vector<std::string>{
            "REFUSED 1 msd.toml:3: gateway.routes: no",
            "REFUSED 2 no room",
            "REFUSED 3 no file is attached"})
    );
}

} // namespace
} // namespace msd::node
