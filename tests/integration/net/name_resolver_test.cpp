// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "net/name_resolver.hpp"

#include <algorithm>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace msd::net {
namespace {

using outcome = result<name_resolver::addresses>;

// The answers of a resolver, chosen by the test. Names that begin with "bad" block until release().
class scripted_names {
public:
    ~scripted_names() { release(); }

    outcome look_up(const std::string& name) {
        std::unique_lock lock{mutex_};
        asked_.push_back(name);
        if (name.starts_with("bad")) {
            released_.wait(lock, [this] { return is_released_; });
            return fail(errc::unavailable, "no server answers");
        }
        return answer_;
    }

    void answer(outcome next) {
        const std::scoped_lock lock{mutex_};
        answer_ = std::move(next);
    }
    void release() {
        const std::scoped_lock lock{mutex_};
        is_released_ = true;
        released_.notify_all();
    }
    void block() {
        const std::scoped_lock lock{mutex_};
        is_released_ = false;
    }
    std::size_t asked(const std::string& name) {
        const std::scoped_lock lock{mutex_};
        return static_cast<std::size_t>(std::count(asked_.begin(), asked_.end(), name));
    }
    std::size_t asked() {
        const std::scoped_lock lock{mutex_};
        return asked_.size();
    }

private:
    std::mutex mutex_;
    std::condition_variable released_;
    std::vector<std::string> asked_;
    outcome answer_ = name_resolver::addresses{asio::ip::make_address("127.0.0.1")};
    bool is_released_ = false;
};

class name_resolver_on_a_loop : public testing::Test {
public:
    name_resolver_on_a_loop() { use({}); }
    ~name_resolver_on_a_loop() override {
        names->release();
        loop.end();
    }

    // Threads of the resolver may outlive the test: they share the names.
    void use(name_resolver::settings chosen) {
        chosen.look_up = [shared = names](const std::string& name) {
            return shared->look_up(name);
        };
        resolver().use(std::move(chosen));
    }

    name_resolver& resolver() { return name_resolver::of(loop.context.get_executor()); }

    void begin(std::string name, milliseconds limit, std::optional<outcome>* out) {
        loop.tasks.spawn(ask(this, std::move(name), limit, out));
    }

    static asio::awaitable<void>
    ask(name_resolver_on_a_loop* me,
        std::string name,
        milliseconds limit,
        std::optional<outcome>* out) {
        auto executor = me->loop.context.get_executor();
        auto found = co_await me->resolver().resolve(executor, name, deadline::in(limit));
        *out = std::move(found);
    }

    // Looks a name up and waits for the outcome.
    static asio::awaitable<outcome>
    find(name_resolver_on_a_loop* me, std::string name, milliseconds limit) {
        std::optional<outcome> found;
        me->begin(std::move(name), limit, &found);
        co_await set(me, &found);
        co_return std::move(*found);
    }

    static asio::awaitable<void>
    set(name_resolver_on_a_loop* me, const std::optional<outcome>* slot) {
        std::function<bool()> came = [slot] {
            return slot->has_value();
        };
        const bool in_time = co_await me->loop.until(std::move(came));
        EXPECT_TRUE(in_time);
    }

    static asio::awaitable<void> asked(name_resolver_on_a_loop* me, std::size_t times) {
        std::function<bool()> were = [me, times] {
            return me->names->asked() >= times;
        };
        const bool in_time = co_await me->loop.until(std::move(were));
        EXPECT_TRUE(in_time);
    }

    std::shared_ptr<scripted_names> names = std::make_shared<scripted_names>();
    test::loop loop;
};

constexpr milliseconds patience = test::loop::patience;

TEST_F(name_resolver_on_a_loop, finds_a_name_while_others_get_no_answer) {
    const auto test = [](name_resolver_on_a_loop* me) -> asio::awaitable<void> {
        std::vector<std::optional<outcome>> bad(name_resolver::threads_max - 1);
        for (std::size_t i = 0; i < bad.size(); ++i) {
            me->begin("bad" + std::to_string(i), patience, &bad[i]);
        }
        co_await asked(me, bad.size());
        const auto good = co_await find(me, "good", patience);
        EXPECT_TRUE(good.has_value());
        me->names->release();
        for (const auto& each : bad) {
            co_await set(me, &each);
            EXPECT_FALSE(each->has_value());
        }
    };
    loop.run(test(this));
}

TEST_F(name_resolver_on_a_loop, keeps_half_of_the_threads_free_of_names_that_were_slow) {
    use({{}, milliseconds{1000}, milliseconds{0}}); // every lookup counts as slow
    const auto test = [](name_resolver_on_a_loop* me) -> asio::awaitable<void> {
        std::vector<std::optional<outcome>> bad(name_resolver::threads_max);
        const auto ask_all = [me, &bad] {
            for (std::size_t i = 0; i < bad.size(); ++i) {
                bad[i].reset();
                me->begin("bad" + std::to_string(i), patience, &bad[i]);
            }
        };
        ask_all();
        co_await asked(me, bad.size());
        me->names->release();
        for (const auto& each : bad) {
            co_await set(me, &each);
        }
        me->names->block();
        ask_all();
        const auto good = co_await find(me, "good", patience);
        EXPECT_TRUE(good.has_value());
        EXPECT_LE(me->names->asked(), bad.size() + name_resolver::slow_max + 1);
        me->names->release();
        for (const auto& each : bad) {
            co_await set(me, &each);
        }
    };
    loop.run(test(this));
}

TEST_F(name_resolver_on_a_loop, looks_a_name_up_once_for_all_waiting_callers) {
    const auto test = [](name_resolver_on_a_loop* me) -> asio::awaitable<void> {
        std::vector<std::optional<outcome>> callers(10);
        for (auto& each : callers) {
            me->begin("bad", patience, &each);
        }
        co_await asked(me, 1);
        me->names->release();
        for (const auto& each : callers) {
            co_await set(me, &each);
        }
        EXPECT_EQ(me->names->asked("bad"), 1U);
    };
    loop.run(test(this));
}

TEST_F(name_resolver_on_a_loop, drops_a_lookup_that_no_caller_waits_for_any_more) {
    const auto test = [](name_resolver_on_a_loop* me) -> asio::awaitable<void> {
        std::vector<std::optional<outcome>> bad(name_resolver::threads_max);
        for (std::size_t i = 0; i < bad.size(); ++i) {
            me->begin("bad" + std::to_string(i), patience, &bad[i]);
        }
        co_await asked(me, bad.size());
        const auto late = co_await find(me, "late", milliseconds{20});
        EXPECT_EQ(late.error().code, errc::timeout);
        me->names->release();
        for (const auto& each : bad) {
            co_await set(me, &each);
        }
        const auto good = co_await find(me, "good", patience);
        EXPECT_TRUE(good.has_value());
        EXPECT_EQ(me->names->asked("late"), 0U);
    };
    loop.run(test(this));
}

TEST_F(name_resolver_on_a_loop, looks_a_name_up_again_and_uses_its_old_addresses_while_that_fails) {
    use({{}, milliseconds{0}, milliseconds{1000}});
    const auto test = [](name_resolver_on_a_loop* me) -> asio::awaitable<void> {
        const name_resolver::addresses first{asio::ip::make_address("127.0.0.1")};
        const name_resolver::addresses second{asio::ip::make_address("127.0.0.2")};
        const auto before = co_await find(me, "name", patience);
        EXPECT_EQ(before, first);
        me->names->answer(second);
        const auto moved = co_await find(me, "name", patience);
        EXPECT_EQ(moved, second);
        me->names->answer(fail(errc::unavailable, "no server answers"));
        const auto kept = co_await find(me, "name", patience);
        EXPECT_EQ(kept, second);
        me->names->answer(fail(errc::not_found, "no such name"));
        const auto gone = co_await find(me, "name", patience);
        EXPECT_FALSE(gone.has_value());
        me->names->answer(fail(errc::unavailable, "no server answers"));
        const auto still_gone = co_await find(me, "name", patience);
        EXPECT_FALSE(still_gone.has_value());
    };
    loop.run(test(this));
}

TEST(name_resolver, ends_with_its_loop_while_a_lookup_runs) {
    const auto names = std::make_shared<scripted_names>();
    {
        test::loop loop;
        auto& resolver = name_resolver::of(loop.context.get_executor());
        resolver.use({[names](const std::string& name) {
            return names->look_up(name);
        }});
        const auto test = [](test::loop* on, name_resolver* asked) -> asio::awaitable<void> {
            auto executor = on->context.get_executor();
            const auto found =
                co_await asked->resolve(executor, "bad", deadline::in(milliseconds{20}));
            EXPECT_EQ(found.error().code, errc::timeout);
        };
        loop.run(test(&loop, &resolver));
    }
    names->release();
}

TEST(name_resolver, uses_the_resolver_of_the_system) {
    test::loop loop;
    const auto test = [](test::loop* on) -> asio::awaitable<void> {
        auto executor = on->context.get_executor();
        auto& resolver = name_resolver::of(executor);
        const auto found = co_await resolver.resolve(executor, "localhost", deadline::in(patience));
        EXPECT_TRUE(found.has_value() && !found->empty() && found->front().is_loopback());
        const auto none = co_await resolver.resolve(executor, "a..b", deadline::in(patience));
        EXPECT_FALSE(none.has_value());
        EXPECT_NE(none.error().text, "");
    };
    loop.run(test(&loop));
}

} // namespace
} // namespace msd::net
