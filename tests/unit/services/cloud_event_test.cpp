// SPDX-License-Identifier: Apache-2.0
#include "services/events/event_messages.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>

namespace msd::services {
namespace {

constexpr std::int64_t now_ms = 1'700'000'000'000;

std::string with(std::string_view members) {
    return fmt::format(
        R"({{"specversion":"1.0","id":"1","source":"/a","type":"t"{}{}}})",
        members.empty() ? "" : ",",
        members
    );
}

std::string problem_of(std::string_view json) {
    const auto read = read_cloud_event(json, now_ms);
    return read ? "none" : read.error().field + " " + read.error().text;
}

std::string written(const store::event_fields& event) {
    std::string text;
    json::writer out{text};
    write_cloud_event(out, event);
    return text;
}

TEST(cloud_events, are_written_as_they_were_read) {
    const std::string whole =
        R"({"specversion":"1.0","id":"a-1","source":"/purchases","type":"purchased",)"
        R"("subject":"members/7","time":"2024-01-31T12:00:00.5+09:00",)"
        R"("datacontenttype":"application/json","data":{"n":1.0,"text":"연필"}})";
    const auto read = read_cloud_event(whole, now_ms);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(written(*read), whole);
    EXPECT_EQ(read->data, R"({"n":1.0,"text":"연필"})");
}

TEST(cloud_events, have_the_present_time_and_no_data_by_default) {
    const auto read = read_cloud_event(with(""), now_ms);
    ASSERT_TRUE(read);
    EXPECT_EQ(
        written(*read),
        R"({"specversion":"1.0","id":"1","source":"/a","type":"t",)"
        R"("time":"2023-11-14T22:13:20.000Z"})"
    );
}

TEST(cloud_events, are_refused_with_the_name_of_the_attribute) {
    EXPECT_EQ(problem_of("[]"), "event must be a JSON object");
    EXPECT_EQ(problem_of(R"({"id":"1","source":"/a","type":"t"})"), "specversion is required");
    EXPECT_EQ(
        problem_of(R"({"specversion":"0.3","id":"1","source":"/a","type":"t"})"),
        "specversion must be \"1.0\""
    );
    EXPECT_EQ(problem_of(R"({"specversion":"1.0","source":"/a","type":"t"})"), "id is required");
    EXPECT_EQ(problem_of(with(R"("id":"")")), "id must be a string, not empty");
    EXPECT_EQ(problem_of(with(R"("id":7)")), "id must be a string, not empty");
    EXPECT_EQ(
        problem_of(with(R"("source":"a b")")),
        "source may contain only visible ASCII characters, no spaces"
    );
    EXPECT_EQ(
        problem_of(with(R"("type":"a/b")")),
        "type may contain only letters, digits, '.', '-' and '_'"
    );
    EXPECT_EQ(
        problem_of(with(fmt::format(R"("id":"{}")", std::string(129, 'a')))),
        "id must have at most 128 bytes"
    );
    EXPECT_EQ(
        problem_of(with(fmt::format(R"("data":"{}")", std::string(24'576, 'a')))),
        "data must have at most 24576 bytes"
    );
    const auto nested = [](std::size_t levels) {
        return with(R"("data":)" + std::string(levels, '[') + std::string(levels, ']'));
    };
    EXPECT_EQ(problem_of(nested(32)), "none");
    EXPECT_EQ(problem_of(nested(33)), "data must have at most 32 levels of objects and arrays");
    EXPECT_EQ(problem_of(nested(61)), "data must have at most 32 levels of objects and arrays");
    EXPECT_EQ(problem_of(with(R"("data_base64":"AA==")")), "data_base64 is not supported");
    EXPECT_EQ(problem_of(with(R"("traceparent":"x")")), "traceparent is not supported");
    EXPECT_EQ(
        problem_of(with(R"("datacontenttype":"text/xml")")),
        "datacontenttype must be \"application/json\" or missing"
    );
}

TEST(cloud_events, have_times_of_rfc_3339) {
    for (const auto* const good :
         {"2024-01-31T12:00:00Z", "2024-01-31T23:59:60.123456Z", "2024-12-01T00:00:00-11:30"}) {
        EXPECT_EQ(problem_of(with(fmt::format(R"("time":"{}")", good))), "none") << good;
    }
    for (const auto* const bad :
         {"2024-01-31",
          "2024-13-31T12:00:00Z",
          "2024-01-31T24:00:00Z",
          "2024-01-31T12:00:00",
          "2024-01-31T12:00:00.Z",
          "2024-01-31 12:00:00Z",
          "2024-01-31T12:00:00+0900"}) {
        EXPECT_EQ(
            problem_of(with(fmt::format(R"("time":"{}")", bad))),
            "time must be a time like 2024-01-31T12:00:00Z"
        ) << bad;
    }
}

TEST(event_messages, of_many_events_are_arrays) {
    const auto one = read_events(with(""), now_ms);
    ASSERT_TRUE(one);
    const auto two = read_events("[" + with("") + "," + with(R"("subject":"s")") + "]", now_ms);
    ASSERT_TRUE(two);
    EXPECT_EQ(two->size(), 2U);
    const auto again = read_events(events_text(*two), 0);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->at(1).subject, "s");
    EXPECT_FALSE(read_events("[]", now_ms));
    EXPECT_EQ(read_events("[1]", now_ms).error().field, "event");
    std::string many = "[" + with("");
    for (std::size_t n = 0; n < store::published_at_once_max; ++n) {
        many += "," + with("");
    }
    EXPECT_FALSE(read_events(many + "]", now_ms));
}

TEST(event_messages, of_consumers_are_read_as_they_were_written) {
    store::pull_request wanted;
    wanted.group = "goods";
    wanted.topics = {"purchased", "goods.changed"};
    wanted.limit = 7;
    wanted.rebuilds = true;
    const auto pull = read_pull(pull_text(wanted));
    ASSERT_TRUE(pull) << pull.error().text;
    EXPECT_EQ(pull->topics, wanted.topics);
    EXPECT_EQ(pull->limit, 7);
    EXPECT_TRUE(pull->rebuilds);

    const store::event_fields event{"/a", "1", "t", "s", "2024-01-31T12:00:00Z", "{}"};
    const store::pulled handed{{{{4, event}, 5, 2}}, 8, 3};
    const auto pulled = read_pulled("{" + pulled_members(handed) + "}");
    ASSERT_TRUE(pulled) << pulled.error().text;
    ASSERT_EQ(pulled->events.size(), 1U);
    EXPECT_EQ(pulled->events[0].event.fields.subject, "s");
    EXPECT_EQ(pulled->events[0].event.position, 4);
    EXPECT_EQ(pulled->events[0].lease, 5);
    EXPECT_EQ(pulled->events[0].tries, 2);
    EXPECT_EQ(pulled->generation, 8);
    EXPECT_EQ(pulled->floor, 3);

    const store::settlement made{"goods", {{1, 2}}, {{3, 4}, {5, 6}}, {{7, 8}}, "no \"quantity\""};
    const auto settled = read_settlement(settlement_text(made));
    ASSERT_TRUE(settled) << settled.error().text;
    EXPECT_EQ(settled->done.size(), 1U);
    EXPECT_EQ(settled->failed.at(1).lease, 6);
    EXPECT_EQ(settled->returned.at(0).position, 7);
    EXPECT_EQ(settled->problem, made.problem);
}

TEST(event_messages, of_consumers_are_refused_with_the_field) {
    const auto field = [](std::string_view text) {
        const auto read = read_pull(text);
        return read ? "none" : read.error().field;
    };
    EXPECT_EQ(field("[]"), "params");
    EXPECT_EQ(field(R"({"topics":["t"]})"), "group");
    EXPECT_EQ(field(R"({"group":"a b","topics":["t"]})"), "group");
    EXPECT_EQ(field(R"({"group":"g"})"), "topics");
    EXPECT_EQ(field(R"({"group":"g","topics":[]})"), "topics");
    EXPECT_EQ(field(R"({"group":"g","topics":["a","b","c","d","e","f","g","h","i"]})"), "topics");
    EXPECT_EQ(field(R"({"group":"g","topics":["t"],"limit":0})"), "limit");
    EXPECT_EQ(field(R"({"group":"g","topics":["t"],"rebuilds":1})"), "rebuilds");
    EXPECT_EQ(read_settlement(R"({"group":"g","done":[{"position":1}]})").error().field, "done");
    EXPECT_EQ(read_settlement(R"({"group":"g","failed":7})").error().field, "failed");
}

} // namespace
} // namespace msd::services
