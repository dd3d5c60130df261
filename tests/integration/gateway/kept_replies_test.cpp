// SPDX-License-Identifier: Apache-2.0
#include "gateway/cache/reply_recorder.hpp"
#include "gateway/cache/reply_store.hpp"
#include "integration/gateway/fake_stream.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::gateway {
namespace {

kept_reply reply_of(std::size_t bytes) {
    kept_reply made;
    made.body.assign(bytes, 'x');
    return made;
}

class kept_replies : public testing::Test {
protected:
    kept_replies() { store.set_wanted(true); }

    // One reply to a GET; `cache_control` and `field` may be empty.
    void send(
        std::string_view cache_control,
        std::string_view name = {},
        std::string_view value = {},
        std::string_view body = "body"
    ) {
        test::fake_stream client{"GET", "/x"};
        reply_recorder recorder{client, store};
        recorder.record("key");
        wire::http_fields fields;
        fields.add("Content-Type", "text/plain");
        if (!cache_control.empty()) {
            fields.add("Cache-Control", cache_control);
        }
        if (!name.empty()) {
            fields.add(name, value);
        }
        http::reply_head head;
        head.status = status;
        head.fields = &fields;
        head.content_length = content_length;
        recorder.send_head(head);
        recorder.send(body.substr(0, 1));
        recorder.send(nullptr, body.substr(1));
        if (is_cut) {
            recorder.reset();
        } else {
            recorder.finish(nullptr);
        }
        EXPECT_EQ(client.status, status);
        EXPECT_EQ(client.body, body);
    }

    reply_store store{{10'000, 1000}};
    int status = 200;
    std::optional<std::uint64_t> content_length;
    bool is_cut = false;
};

TEST_F(kept_replies, are_those_used_last_within_the_limits) {
    store.put("large", reply_of(1001));
    EXPECT_EQ(store.find("large"), nullptr);
    for (int n = 0; n < 7; ++n) {
        store.put("k" + std::to_string(n), reply_of(1000));
        EXPECT_NE(store.find("k0"), nullptr);
    }
    EXPECT_NE(store.find("k6"), nullptr);
    const auto held = store.find("k0");
    for (int n = 7; n < 50; ++n) {
        store.put("k" + std::to_string(n), reply_of(1000));
        EXPECT_LE(store.bytes(), 10'000U);
    }
    EXPECT_EQ(store.find("k0"), nullptr);
    EXPECT_EQ(held->body.size(), 1000U);
    store.put("k49", reply_of(10));
    EXPECT_EQ(store.find("k49")->body.size(), 10U);
    store.remove("k49");
    EXPECT_EQ(store.find("k49"), nullptr);
    store.set_wanted(false);
    EXPECT_EQ(store.size(), 0U);
    EXPECT_EQ(store.bytes(), 0U);
    store.put("k1", reply_of(1));
    EXPECT_EQ(store.size(), 0U);
}

TEST_F(kept_replies, leave_room_for_those_being_recorded) {
    store.put("k", reply_of(1000));
    EXPECT_TRUE(store.grow(0, 900));
    EXPECT_FALSE(store.grow(900, 101)) << "too large for one reply";
    for (int n = 0; n < 9; ++n) {
        EXPECT_TRUE(store.grow(0, 1000));
    }
    EXPECT_EQ(store.find("k"), nullptr);
    EXPECT_FALSE(store.grow(0, 1000)) << "together with the others";
    store.give_back(9900);
    EXPECT_EQ(store.bytes(), 0U);
}

TEST_F(kept_replies, are_complete_and_may_be_used_by_all) {
    send("max-age=60, stale-if-error=\"120\"", "Age", "7");
    const auto kept = store.find("key");
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(kept->body, "body");
    EXPECT_EQ(*kept->fields.find("content-type"), "text/plain");
    EXPECT_FALSE(kept->fields.has("age"));
    EXPECT_EQ(kept->fresh_for, milliseconds{60'000});
    EXPECT_EQ(kept->useful, milliseconds{120'000});
    EXPECT_EQ(kept->age, milliseconds{7000});
    send({}, "Vary", "Accept-Encoding");
    EXPECT_NE(store.find("key"), nullptr);
    status = 500;
    send({});
    EXPECT_NE(store.find("key"), nullptr) << "an error replaces nothing";
    is_cut = true;
    status = 200;
    send({});
    is_cut = false;
    content_length = 5;
    send({});
    EXPECT_EQ(store.find("key")->fields.size(), 2U) << "nor does a part";
}

TEST_F(kept_replies, are_not_what_others_may_not_get) {
    struct one {
        std::string_view cache_control;
        std::string_view name;
        std::string_view value;
    };
    for (const one& each : {
             one{"no-store", {}, {}},
             one{"max-age=5, Private", {}, {}},
             one{"private=\"x\"", {}, {}},
             one{"no-cache", {}, {}},
             one{"must-revalidate", {}, {}},
             one{"proxy-revalidate", {}, {}},
             one{"s-maxage=5", {}, {}},
             one{{}, "Set-Cookie", "a=b"},
             one{{}, "Vary", "*"},
             one{{}, "Vary", "Accept-Encoding, Cookie"},
         }) {
        send("max-age=60");
        ASSERT_NE(store.find("key"), nullptr);
        send(each.cache_control, each.name, each.value);
        EXPECT_EQ(store.find("key"), nullptr) << each.cache_control << each.value;
    }
    send({}, {}, {}, std::string(1001, 'x'));
    EXPECT_EQ(store.find("key"), nullptr);
    EXPECT_EQ(store.bytes(), 0U);
}

} // namespace
} // namespace msd::gateway
