// SPDX-License-Identifier: Apache-2.0
// The cache in Redis while Redis is down, hung, full, flushed, or has entries of other programs.
#include "integration/store/loop.hpp"
#include "integration/store/redis_server.hpp"
#include "store/redis/shared_cache.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace msd::test {
namespace {

using state = store::cached::state;

constexpr milliseconds quick{500};

class shared_cache : public testing::Test {
protected:
    void TearDown() override {
        for (auto& each : opened_) {
            loop_.wait(each->stop());
        }
    }

    store::cache& open(milliseconds ttl = milliseconds{60'000}) {
        store::redis::client_settings settings;
        settings.where = store::redis::parse_url(server_.url()).value();
        settings.timeout = quick;
        settings.probe_every = milliseconds{50};
        auto made = store::redis::open_shared_cache(loop_.executor(), settings, {ttl, ttl});
        EXPECT_TRUE(made);
        opened_.push_back(std::move(*made));
        until(*opened_.back(), "\"usable\":true");
        return *opened_.back();
    }

    static std::string figures(const store::cache& of) {
        std::string text;
        json::writer out{text};
        out.begin_object();
        of.write_figures(out);
        out.end_object();
        return text;
    }

    void until(const store::cache& of, const std::string& said) {
        loop_.run_until([&] { return figures(of).find(said) != std::string::npos; });
    }

    std::string get(store::cache& from, const std::string& key = "a") {
        const auto found = loop_.wait(from.get(key));
        return found.what == state::value    ? found.value
               : found.what == state::absent ? "absent"
                                             : "miss";
    }

    // A call that timed out on a busy machine is repeated.
    bool comes(store::cache& from, const std::string& value, const std::string& key = "a") {
        const auto last = deadline::in(patience / 2);
        while (get(from, key) != value && !last.passed()) {
        }
        return !last.passed();
    }

    void keep(store::cache& in, const std::string& value, const std::string& key = "a") {
        const auto last = deadline::in(patience / 2);
        do {
            in.put(key, value, clock::now());
        } while (get(in, key) != value && !last.passed());
        EXPECT_FALSE(last.passed());
    }

    void remove(store::cache& from, const std::string& key = "a") {
        loop_.wait(from.remove(key, deadline::in(patience)));
    }

    std::string stands(const std::string& key = "a") {
        return server_.ask({"GET", "msd:" + key}).text;
    }

    void execute(const std::vector<std::string>& command) {
        EXPECT_FALSE(server_.ask(command).is(wire::resp_value::kind::error));
    }

    loop loop_;
    redis_server server_;
    std::vector<std::unique_ptr<store::cache>> opened_;
};

TEST_F(shared_cache, is_shared_by_all_workers) {
    auto& one = open();
    auto& two = open();
    keep(one, "1");
    EXPECT_TRUE(comes(two, "1"));
    remove(two);
    EXPECT_EQ(get(one), "miss");
    one.put("a", "1", clock::now());
    keep(one, "x", "marker");
    EXPECT_EQ(get(two), "miss") << "who is slow finds the mark of the removal";
    const auto left = server_.ask({"PTTL", "msd:a"}).integer;
    EXPECT_GT(left, store::redis::shared_cache::fill_within.count() / 2);
    EXPECT_LE(left, store::redis::shared_cache::mark_stands.count());
}

TEST_F(shared_cache, spreads_the_expiry_of_entries) {
    auto& cache = open(milliseconds{300'000});
    std::set<std::int64_t> seconds;
    for (int i = 0; i < 20; ++i) {
        const std::string key = "k" + std::to_string(i);
        keep(cache, "1", key);
        const auto left = server_.ask({"PTTL", "msd:" + key}).integer;
        EXPECT_GT(left, 270'000 - 20'000);
        EXPECT_LE(left, 330'000);
        seconds.insert(left / 1000);
    }
    EXPECT_GT(seconds.size(), 3U);
}

TEST_F(shared_cache, stops_using_a_hung_server_until_it_answers) {
    auto& cache = open();
    keep(cache, "1");
    server_.hang();
    EXPECT_EQ(get(cache), "miss");
    until(cache, "\"usable\":false");
    const auto began = clock::now();
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(get(cache), "miss");
        cache.put("b", "2", clock::now());
    }
    EXPECT_LT(clock::now() - began, 1000 * quick / 10) << "nobody waits any more";
    server_.wake();
    EXPECT_TRUE(comes(cache, "1"));
}

TEST_F(shared_cache, survives_a_killed_server) {
    auto& cache = open();
    keep(cache, "1");
    server_.kill();
    EXPECT_EQ(get(cache), "miss");
    remove(cache);
    server_.start();
    until(cache, "\"usable\":true");
    until(cache, "\"untold\":0");
    keep(cache, "2", "b");
}

TEST_F(shared_cache, returns_no_value_that_was_removed_while_the_server_hung) {
    auto& writer = open();
    auto& reader = open();
    keep(writer, "old");
    server_.hang();
    remove(writer);
    remove(writer, "never there");
    reader.removed_elsewhere("a", false);
    until(writer, "\"usable\":false");
    remove(writer, "b");
    EXPECT_NE(figures(writer).find("\"untold\":3"), std::string::npos) << figures(writer);
    server_.wake();
    EXPECT_EQ(get(writer), "miss");
    until(writer, "\"untold\":0");
    EXPECT_EQ(stands(), "!");
    EXPECT_EQ(get(reader), "miss");
    EXPECT_EQ(get(writer), "miss");
}

TEST_F(shared_cache, repeats_an_invalidation_of_another_worker) {
    auto& cache = open();
    keep(cache, "old");
    server_.hang();
    EXPECT_EQ(get(cache), "miss");
    until(cache, "\"usable\":false");
    cache.removed_elsewhere("a", true);
    server_.wake();
    until(cache, "\"untold\":0");
    EXPECT_EQ(stands(), "!");
    EXPECT_EQ(get(cache), "miss");
}

TEST_F(shared_cache, reads_nothing_after_too_many_unsent_invalidations) {
    auto& cache = open(milliseconds{1000});
    keep(cache, "old", "marker");
    server_.hang();
    EXPECT_EQ(get(cache), "miss");
    until(cache, "\"usable\":false");
    for (std::size_t i = 0; i <= store::redis::shared_cache::unsent_max; ++i) {
        cache.removed_elsewhere("k" + std::to_string(i), true);
    }
    server_.wake();
    until(cache, "\"usable\":true");
    EXPECT_EQ(get(cache, "marker"), "miss");
    keep(cache, "new", "other");
}

TEST_F(shared_cache, repeats_invalidations_to_a_server_that_returns_with_an_older_state) {
    auto& writer = open();
    auto& reader = open();
    keep(writer, "old");
    EXPECT_TRUE(comes(reader, "old"));
    execute({"SAVE"});
    remove(writer);
    reader.removed_elsewhere("a", true);
    server_.kill();
    until(writer, "\"usable\":false");
    until(reader, "\"usable\":false");
    server_.start();
    until(writer, "\"usable\":true");
    until(reader, "\"usable\":true");
    loop_.run_until([&] {
        EXPECT_EQ(get(writer), "miss");
        EXPECT_EQ(get(reader), "miss");
        return stands() == "!";
    });
}

TEST_F(shared_cache, reads_nothing_from_a_returned_server_after_too_many_invalidations) {
    auto& cache = open();
    keep(cache, "1", "marker");
    for (std::size_t i = 0; i <= store::redis::shared_cache::unsent_max; ++i) {
        cache.removed_elsewhere("k" + std::to_string(i), true);
    }
    server_.hang();
    EXPECT_EQ(get(cache, "marker"), "miss");
    until(cache, "\"usable\":false");
    server_.wake();
    until(cache, "\"usable\":true");
    EXPECT_EQ(get(cache, "marker"), "miss");
}

TEST_F(shared_cache, deletes_keys_in_a_full_server) {
    auto& cache = open();
    keep(cache, "old");
    ASSERT_TRUE(server_.ask({"CONFIG", "SET", "maxmemory", "1"}).is_status("OK"));
    cache.put("b", "2", clock::now());
    until(cache, "\"dropped\":1");
    EXPECT_TRUE(comes(cache, "old")) << "it still answers";
    remove(cache);
    EXPECT_EQ(get(cache), "miss");
    EXPECT_EQ(stands(), "");
    EXPECT_NE(figures(cache).find("\"untold\":0"), std::string::npos) << figures(cache);
    ASSERT_TRUE(server_.ask({"CONFIG", "SET", "maxmemory", "0"}).is_status("OK"));
    keep(cache, "2", "b");
}

TEST_F(shared_cache, deletes_entries_of_another_format) {
    auto& cache = open();
    for (const char* const garbage : {"", "7", "{\"id\":7}", "!!", "--", "\xff\xfe"}) {
        execute({"SET", "msd:a", garbage});
        EXPECT_EQ(get(cache), "miss") << garbage;
        loop_.run_until([&] { return server_.ask({"EXISTS", "msd:a"}).integer == 0; });
    }
    execute({"LPUSH", "msd:a", "a", "list"});
    EXPECT_EQ(get(cache), "miss");
    loop_.run_until([&] { return server_.ask({"EXISTS", "msd:a"}).integer == 0; });
    keep(cache, "1");
}

TEST_F(shared_cache, misses_entries_after_a_flush) {
    auto& cache = open();
    keep(cache, "1");
    execute({"FLUSHALL"});
    EXPECT_EQ(get(cache), "miss");
    keep(cache, "2");
}

TEST_F(shared_cache, stores_no_value_over_the_limit) {
    auto& cache = open();
    cache.put("a", std::string(store::redis::shared_cache::value_bytes_max + 1, 'x'), clock::now());
    EXPECT_NE(figures(cache).find("\"dropped\":1"), std::string::npos);
    keep(cache, std::string(store::redis::shared_cache::value_bytes_max, 'x'));
}

} // namespace
} // namespace msd::test
