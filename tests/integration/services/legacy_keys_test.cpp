// SPDX-License-Identifier: Apache-2.0
// The plain keys in a Redis that existing nodes also use: one server, sentinels, a cluster.
#include "integration/store/loop.hpp"
#include "integration/store/redis_topologies.hpp"
#include "net/use_tuple.hpp"
#include "services/goods/legacy_keys.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace msd::test {
namespace {

using state = store::cached::state;
using store::redis::shared_cache;

store::redis::client_settings settings_for(const std::string& url) {
    store::redis::client_settings out;
    out.where = store::redis::parse_url(url).value();
    out.timeout = milliseconds{10'000}; // long enough for a busy machine
    out.connect_timeout = milliseconds{10'000};
    out.probe_every = milliseconds{50};
    return out;
}

std::unique_ptr<shared_cache> open_cache(loop& on, const store::redis::client_settings& server) {
    store::redis::shared_cache_settings chosen;
    chosen.legacy_keys = true;
    auto opened = store::redis::open_shared_cache(on.executor(), server, chosen);
    EXPECT_TRUE(opened);
    EXPECT_TRUE(on.wait((*opened)->became_usable(deadline::in(patience))));
    return std::move(*opened);
}

std::string seen(const store::cached& found) {
    return found.what == state::value ? found.value : found.what == state::absent ? "none" : "miss";
}

struct topology {
    std::string name;
    std::function<std::pair<std::shared_ptr<void>, std::string>()> start; // servers, URL
};

template <class Servers>
topology topology_of(std::string name) {
    return {std::move(name), [] {
                auto servers = std::make_shared<Servers>();
                const std::string url = servers->url();
                return std::pair<std::shared_ptr<void>, std::string>{servers, url};
            }};
}

class legacy_entries : public testing::TestWithParam<topology> {
protected:
    ~legacy_entries() override {
        for (auto* const each : {&reader_, &writer_}) {
            loop_.wait((*each)->stop());
        }
    }

    store::cached get(const std::string& key) { return loop_.wait(reader_->get(key)); }

    void set_plain(const std::string& key, std::optional<std::string> text) {
        const bool done =
            loop_.wait(writer_->write_plain(key, std::move(text), deadline::in(patience)));
        EXPECT_TRUE(done);
    }

    // Fills an entry like a look-up: the owner is queried after a miss of get().
    void fill(const std::string& key, const std::optional<std::string>& value) {
        loop_.run_until([&] {
            const auto found = get(key);
            if (found.what == state::miss) {
                reader_->put(key, value, store::question{clock::now(), found.version});
            }
            return found.what != state::miss;
        });
    }

    loop loop_;
    std::pair<std::shared_ptr<void>, std::string> servers_ = GetParam().start();
    std::unique_ptr<shared_cache> reader_ = open_cache(loop_, settings_for(servers_.second));
    std::unique_ptr<shared_cache> writer_ = open_cache(loop_, settings_for(servers_.second));
};

TEST_P(legacy_entries, are_valid_only_while_the_plain_key_is_unchanged) {
    set_plain("goods:1", R"({"price":1})");
    fill("goods:1", "one");
    EXPECT_EQ(seen(get("goods:1")), "one");
    set_plain("goods:1", R"({"price":2})");
    EXPECT_EQ(seen(get("goods:1")), "miss") << "the plain key was set";

    fill("goods:2", "two");
    EXPECT_EQ(seen(get("goods:2")), "two") << "without a plain key";
    set_plain("goods:2", "x");
    EXPECT_EQ(seen(get("goods:2")), "miss") << "the plain key was created";

    set_plain("goods:3", "x");
    fill("goods:3", "three");
    set_plain("goods:3", std::nullopt);
    EXPECT_EQ(seen(get("goods:3")), "miss") << "the plain key was deleted";

    fill("goods:4", std::nullopt);
    EXPECT_EQ(seen(get("goods:4")), "none");
    set_plain("goods:4", "x");
    EXPECT_EQ(seen(get("goods:4")), "miss") << "a plain key that did not exist was created";
}

TEST_P(legacy_entries, are_never_filled_with_an_answer_that_a_change_has_overtaken) {
    set_plain("goods:1", "old");
    const auto asked = get("goods:1");
    set_plain("goods:1", "new");
    reader_->put("goods:1", "old row", store::question{clock::now(), asked.version});
    fill("goods:2", "marker"); // later on the same connection, or on another
    EXPECT_EQ(seen(get("goods:1")), "miss");
    reader_->put("goods:3", "no version", clock::now());
    EXPECT_EQ(seen(get("goods:3")), "miss");
}

INSTANTIATE_TEST_SUITE_P(
    redis,
    legacy_entries,
    testing::Values(
        topology_of<redis_server>("one_server"),
        topology_of<redis_watched>("sentinels"),
        topology_of<redis_cluster>("cluster")
    ),
    [](const auto& each) { return each.param.name; }
);

// A store whose reads can wait for the test.
class slow_goods final : public store::goods_repository {
public:
    explicit slow_goods(loop& on) : loop_{on} {}

    asio::awaitable<result<store::page>>
    list(store::goods_query, store::goods_writer, deadline) override {
        co_return fail(errc::internal, "not asked");
    }
    asio::awaitable<result<store::goods_row>> find(std::int64_t id, deadline) override {
        result<store::goods_row> read = fail(errc::not_found, "none");
        if (const auto found = prices.find(id); found != prices.end()) {
            store::goods_row row;
            row.id = id;
            row.fields = {"pencil", "office", *money::from_e4(found->second), "HB"};
            read = std::move(row);
        }
        if (std::exchange(holds_next, false)) {
            is_held = true;
            asio::steady_timer gate{loop_.executor(), time_point::max()};
            gate_ = &gate;
            const auto [opened] = co_await gate.async_wait(net::use_tuple);
            (void)opened;
            is_held = false;
        }
        co_return read;
    }
    asio::awaitable<result<std::int64_t>>
    add(store::goods_fields, std::optional<store::idempotency>, deadline) override {
        co_return fail(errc::internal, "not asked");
    }
    asio::awaitable<result<std::int64_t>>
    replace(store::goods_row, std::optional<store::idempotency>, deadline) override {
        co_return fail(errc::internal, "not asked");
    }
    asio::awaitable<result<std::int64_t>>
    remove(std::int64_t, std::optional<store::idempotency>, deadline) override {
        co_return fail(errc::internal, "not asked");
    }
    asio::awaitable<result<std::int64_t>>
    vote(store::goods_vote, std::optional<store::idempotency>, deadline) override {
        co_return fail(errc::internal, "not asked");
    }

    asio::awaitable<result<store::page>>
    rank(store::goods_ranking, store::goods_writer, deadline) override {
        co_return fail(errc::internal, "not asked");
    }
    asio::awaitable<result<std::int64_t>>
    count_sales(store::event_batch<store::goods_sale>, deadline) override {
        co_return fail(errc::internal, "not asked");
    }
    store::outbox& unsent() override { throw std::logic_error{"not asked"}; }

    void open_gate() { gate_->cancel(); }

    std::map<std::int64_t, std::int64_t> prices; // in ten-thousandths
    bool holds_next = false;
    bool is_held = false;

private:
    loop& loop_;
    asio::steady_timer* gate_ = nullptr;
};

class legacy_keys : public testing::Test {
protected:
    ~legacy_keys() override {
        for (auto* const each : {&one_, &other_}) {
            loop_.wait(each->stop());
        }
        for (auto* const each : {&cache_, &other_cache_}) {
            loop_.wait((*each)->stop());
        }
    }

    std::string plain() { return server_.ask({"GET", "7"}).text; }

    static std::string figures(const services::legacy_keys& of) {
        std::string text;
        json::writer out{text};
        out.begin_object();
        of.write_figures(out);
        out.end_object();
        return text;
    }

    void until_verified() {
        loop_.run_until([&] {
            return figures(one_).find("\"unverified\":0") != std::string::npos &&
                   figures(other_).find("\"unverified\":0") != std::string::npos;
        });
    }

    static constexpr services::legacy_keys::settings chosen{{}, milliseconds{60'000}};
    const deadline soon_ = deadline::in(patience);

    loop loop_;
    redis_server server_;
    slow_goods goods_{loop_};
    std::unique_ptr<shared_cache> cache_ = open_cache(loop_, settings_for(server_.url()));
    std::unique_ptr<shared_cache> other_cache_ = open_cache(loop_, settings_for(server_.url()));
    services::legacy_keys one_{loop_.executor(), *cache_, goods_, chosen};
    services::legacy_keys other_{loop_.executor(), *other_cache_, goods_, chosen};
};

TEST_F(legacy_keys, have_the_format_that_an_existing_goods_node_writes) {
    goods_.prices[7] = 41'500;
    loop_.wait(one_.update(7, soon_));
    EXPECT_EQ(plain(), R"({"name":"pencil","category":"office","price":4.15,"description":"HB"})");
    EXPECT_EQ(server_.ask({"PTTL", "7"}).integer, -1) << "without a time to live";
    goods_.prices.erase(7);
    loop_.wait(one_.remove(7, soon_));
    EXPECT_EQ(server_.ask({"EXISTS", "7"}).integer, 0)
        << "the plain key is deleted before the product";
    loop_.wait(one_.update(7, soon_));
    EXPECT_EQ(server_.ask({"EXISTS", "7"}).integer, 0);
}

TEST_F(legacy_keys, are_written_again_when_a_deletion_failed) {
    goods_.prices[7] = 10'000;
    loop_.wait(one_.remove(7, soon_));
    loop_.wait(one_.update(7, soon_));
    EXPECT_NE(plain().find("\"price\":1,"), std::string::npos);
}

TEST_F(legacy_keys, become_equal_to_the_store_when_the_older_row_is_written_last) {
    goods_.prices[7] = 10'000;
    goods_.holds_next = true;
    bool is_done = false;
    asio::co_spawn(loop_.context(), one_.update(7, soon_), [&](const std::exception_ptr&) {
        is_done = true;
    });
    loop_.run_until([&] { return goods_.is_held; });
    goods_.prices[7] = 20'000;
    loop_.wait(other_.update(7, soon_));
    EXPECT_NE(plain().find("\"price\":2,"), std::string::npos);
    goods_.open_gate(); // now the worker writes the price that it read first
    loop_.run_until([&] { return is_done; });
    until_verified();
    EXPECT_NE(plain().find("\"price\":2,"), std::string::npos) << plain();

    // The same with a product that is deleted between the read and the write.
    goods_.holds_next = true;
    is_done = false;
    asio::co_spawn(loop_.context(), one_.update(7, soon_), [&](const std::exception_ptr&) {
        is_done = true;
    });
    loop_.run_until([&] { return goods_.is_held; });
    goods_.prices.erase(7);
    loop_.wait(other_.update(7, soon_));
    goods_.open_gate();
    loop_.run_until([&] { return is_done; });
    until_verified();
    EXPECT_EQ(server_.ask({"EXISTS", "7"}).integer, 0);
}

TEST_F(legacy_keys, are_written_again_when_redis_returns_with_an_older_state) {
    goods_.prices[7] = 10'000;
    loop_.wait(one_.update(7, soon_));
    until_verified();
    EXPECT_TRUE(server_.ask({"SAVE"}).is_status("OK"));
    goods_.prices[7] = 20'000;
    loop_.wait(one_.update(7, soon_));
    until_verified();
    server_.restart();
    loop_.run_until([&] { return plain().find("\"price\":2,") != std::string::npos; });
}

TEST_F(legacy_keys, are_written_when_a_lost_redis_has_returned) {
    server_.kill();
    loop_.run_until([&] { return !cache_->usable(); });
    goods_.prices[7] = 10'000;
    loop_.wait(one_.update(7, soon_));
    EXPECT_NE(figures(one_).find("\"unverified\":1"), std::string::npos) << figures(one_);
    server_.start();
    loop_.run_until([&] { return plain().find("\"price\":1,") != std::string::npos; });
    until_verified();
}

} // namespace
} // namespace msd::test
