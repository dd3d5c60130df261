// SPDX-License-Identifier: Apache-2.0
// The behaviour that every implementation of a cache has.
#include "integration/store/caches.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace msd::test {
namespace {

using state = store::cached::state;

class cache_behaviour : public testing::TestWithParam<cache_kind> {
protected:
    std::string get(store::cache& from, const std::string& key) {
        const auto found = loop_.wait(from.get(key));
        return found.what == state::value    ? found.value
               : found.what == state::absent ? "absent"
                                             : "miss";
    }
    std::string get(const std::string& key) { return get(*cache_, key); }

    void put(const std::string& key, std::optional<std::string> value) {
        cache_->put(key, std::move(value), clock::now());
    }
    void remove(const std::string& key) { loop_.wait(cache_->remove(key, deadline::in(patience))); }

    // A value is stored soon after put().
    bool comes(const std::string& key, const std::string& value) {
        const auto last = deadline::in(patience / 2);
        while (get(key) != value && !last.passed()) {
        }
        return get(key) == value;
    }

    void TearDown() override { loop_.wait(cache_->stop()); }

    loop loop_;
    std::unique_ptr<cache_under_test> kind_ = GetParam().make();
    std::unique_ptr<store::cache> cache_ = kind_->open(loop_, {});
};

TEST_P(cache_behaviour, is_empty_at_first) {
    EXPECT_EQ(get("a"), "miss");
}

TEST_P(cache_behaviour, keeps_a_value_for_each_key) {
    put("a", "1");
    put("b", "2");
    EXPECT_TRUE(comes("a", "1"));
    EXPECT_TRUE(comes("b", "2"));
    EXPECT_EQ(get("c"), "miss");
}

TEST_P(cache_behaviour, keeps_any_bytes) {
    const std::string bytes{"{\"n\":1e400,\"t\":\"\0\r\n\xc2\xb6\xff$3\r\n\"}", 28};
    put("bytes", bytes);
    EXPECT_TRUE(comes("bytes", bytes));
    const std::string large(100'000, 'x');
    put("large", large);
    EXPECT_TRUE(comes("large", large));
    put("empty", "");
    EXPECT_TRUE(comes("empty", ""));
}

TEST_P(cache_behaviour, distinguishes_keys_without_a_value_from_misses) {
    put("a", std::nullopt);
    EXPECT_TRUE(comes("a", "absent"));
    EXPECT_EQ(get("b"), "miss");
}

TEST_P(cache_behaviour, does_not_confuse_values_with_its_own_marks) {
    for (const char* const value : {"absent", "-", "x", "!", "removed", "nil", "\0"}) {
        put(value, value);
        EXPECT_TRUE(comes(value, value)) << value;
    }
}

TEST_P(cache_behaviour, returns_no_value_after_a_removal) {
    put("a", "1");
    put("b", std::nullopt);
    EXPECT_TRUE(comes("a", "1"));
    EXPECT_TRUE(comes("b", "absent"));
    remove("a");
    remove("b");
    remove("never there");
    EXPECT_EQ(get("a"), "miss");
    EXPECT_EQ(get("b"), "miss");
}

TEST_P(cache_behaviour, rejects_a_response_that_was_in_flight_during_a_removal) {
    const time_point asked = clock::now();
    remove("a");
    cache_->put("a", "old", asked);
    cache_->put("a", std::nullopt, asked);
    put("marker", "1");
    EXPECT_TRUE(comes("marker", "1"));
    EXPECT_EQ(get("a"), "miss");
}

TEST_P(cache_behaviour, rejects_a_response_that_was_in_flight_too_long) {
    cache_->put("a", "old", clock::now() - milliseconds{5001});
    put("marker", "1");
    EXPECT_TRUE(comes("marker", "1"));
    EXPECT_EQ(get("a"), "miss");
}

TEST_P(cache_behaviour, expires_entries) {
    const auto brief =
        kind_->open(loop_, {.ttl = milliseconds{1000}, .negative_ttl = milliseconds{500}});
    brief->put("a", "1", clock::now());
    brief->put("b", std::nullopt, clock::now());
    const auto last = deadline::in(patience / 2);
    while (!last.passed() && (get(*brief, "a") != "miss" || get(*brief, "b") != "miss")) {
    }
    EXPECT_FALSE(last.passed());
    loop_.wait(brief->stop());
}

TEST_P(cache_behaviour, counts_hits_and_misses) {
    put("a", "1");
    EXPECT_TRUE(comes("a", "1"));
    EXPECT_EQ(get("b"), "miss");
    std::string text;
    json::writer out{text};
    out.begin_object();
    cache_->write_figures(out);
    out.end_object();
    json::object figures;
    ASSERT_TRUE(figures.parse(text)) << text;
    EXPECT_GE(figures.find("hits")->as_int64(), 1) << text;
    EXPECT_GE(figures.find("misses")->as_int64(), 1) << text;
}

INSTANTIATE_TEST_SUITE_P(
    caches,
    cache_behaviour,
    testing::ValuesIn(all_caches()),
    [](const auto& kind) { return kind.param.name; }
);

} // namespace
} // namespace msd::test
