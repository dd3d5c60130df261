// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "wire/http_params.hpp"
#include "wire/request_size.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::wire {
namespace {

using variables = std::vector<std::pair<std::string_view, std::string>>;

// The params, or `!` and the text of the error.
std::string params(
    std::string_view query,
    std::string_view body = {},
    body_kind kind = body_kind::json,
    const variables& path = {}
) {
    const result<std::string> made = params_of({path, query, body, kind});
    if (!made) {
        const bool counts = made.error().text.starts_with("too many");
        EXPECT_EQ(made.error().code, counts ? errc::invalid : errc::malformed);
        return "!" + made.error().text;
    }
    EXPECT_TRUE(json::object{}.parse(*made)) << *made;
    return *made;
}

TEST(http_params, are_empty_without_query_and_body) {
    EXPECT_EQ(params(""), "{}");
    EXPECT_EQ(params("", "", body_kind::none), "{}");
    EXPECT_EQ(params("", "{}"), "{}");
    EXPECT_EQ(params("&&"), "{}");
}

TEST(http_params, contain_query_values_as_strings) {
    EXPECT_EQ(
        params("id=1&name=a+b%20c&x&=y&z=a=b"),
        R"({"id":"1","name":"a b c","x":"","":"y","z":"a=b"})"
    );
    EXPECT_EQ(params("name=%EC%97%B0%ED%95%84"), R"({"name":"연필"})");
    EXPECT_EQ(params("__proto__=1&%22=%00"), R"({"__proto__":"1","\"":"\u0000"})");
}

TEST(http_params, contain_repeated_names_as_an_array) {
    EXPECT_EQ(params("a=1&b=2&a=3&%61=4"), R"({"a":["1","3","4"],"b":"2"})");
}

TEST(http_params, keep_the_members_of_a_json_body_byte_for_byte) {
    EXPECT_EQ(
        params("", " { \"a\" : 1.00 , \"\\u0062\":[1, 2],\"c\":123456789012345678901 }\n"),
        "{\"a\" : 1.00,\"\\u0062\":[1, 2],\"c\":123456789012345678901}"
    );
}

TEST(http_params, contain_each_name_once) {
    EXPECT_EQ(params("", R"({"a":1,"b":2,"\u0061":3})"), R"({"b":2,"\u0061":3})");
    EXPECT_EQ(params("a=9&c=8", R"({"a":1})"), R"({"a":1,"c":"8"})");
    EXPECT_EQ(params("a=9&c=8", "a=1&b=2", body_kind::form), R"({"a":"1","b":"2","c":"8"})");
}

TEST(http_params, read_a_form_like_a_query) {
    EXPECT_EQ(params("", "a=1+2&a=%C2%B6", body_kind::form), R"({"a":["1 2","¶"]})");
}

TEST(http_params, refuse_a_json_body_that_is_not_an_object) {
    for (const char* body : {"null", "5", "[]", "\"a\"", "{", "{}x", " ", "{\"a\":\"\xFF\"}"}) {
        EXPECT_TRUE(params("", body).starts_with("!bad JSON")) << body;
    }
    EXPECT_TRUE(params("", "x", body_kind::unsupported).starts_with("!"));
}

TEST(http_params, refuse_bad_escapes) {
    for (const char* query : {"a=%", "a=%1", "a=%g1", "a=%1g", "%=1", "a=%FF", "a=%C2", "a=\xFF"}) {
        EXPECT_TRUE(params(query).starts_with("!")) << query;
        EXPECT_TRUE(params("", query, body_kind::form).starts_with("!")) << query;
    }
}

TEST(http_params, limit_the_number_of_pairs) {
    std::string query;
    for (std::size_t count = 0; count < pairs_max; ++count) {
        query += "a&";
    }
    EXPECT_FALSE(params(query).starts_with("!"));
    EXPECT_TRUE(params(query + "a").starts_with("!more than"));
}

TEST(http_params, contain_path_variables_as_strings) {
    EXPECT_EQ(
        params("a=1", R"({"b":2})", body_kind::json, {{"id", "7\""}}),
        R"({"b":2,"a":"1","id":"7\""})"
    );
}

TEST(http_params, accept_a_value_equal_to_a_path_variable) {
    const variables path{{"id", "7"}};
    for (const char* body :
         {R"({"id":7})", R"({"id":"7"})", R"({"id":7.0})", R"({"id":8,"id":7})"}) {
        EXPECT_EQ(params("", body, body_kind::json, path), R"({"id":"7"})") << body;
    }
    EXPECT_EQ(params("id=7&id=7", "", body_kind::none, path), R"({"id":"7"})");
    EXPECT_EQ(params("", R"({"id":1.50})", body_kind::json, {{"id", "1.50"}}), R"({"id":"1.50"})");
}

TEST(http_params, refuse_a_value_that_differs_from_a_path_variable) {
    const variables path{{"id", "7"}};
    const std::string refusal =
        "!parameter \"id\" contradicts the path: leave it out or send the same value";
    for (const char* body :
         {R"({"id":8})",
          R"({"id":"07"})",
          R"({"id":null})",
          R"({"id":[7]})",
          R"({"id":7.5})",
          R"({"id":true})",
          R"({"id":7,"id":8})"}) {
        EXPECT_EQ(params("", body, body_kind::json, path), refusal) << body;
    }
    EXPECT_EQ(params("id=8", "", body_kind::none, path), refusal);
    EXPECT_EQ(params("id=7&id=8", "", body_kind::none, path), refusal);
    EXPECT_EQ(params("", "id=8", body_kind::form, path), refusal);
    EXPECT_EQ(params("", R"({"id":true})", body_kind::json, {{"id", "true"}}), refusal);
    EXPECT_EQ(params("", R"({"id":"7.0"})", body_kind::json, path), refusal);
}

TEST(http_params, choose_the_kind_of_body_by_its_media_type) {
    EXPECT_EQ(body_kind_of(""), body_kind::untyped);
    EXPECT_EQ(body_kind_of("APPLICATION/MERGE-PATCH+JSON"), body_kind::json);
    EXPECT_EQ(body_kind_of("application/json"), body_kind::json);
    EXPECT_EQ(body_kind_of("Application/JSON ; charset=utf-8"), body_kind::json);
    EXPECT_EQ(body_kind_of("application/merge-patch+json"), body_kind::json);
    EXPECT_EQ(body_kind_of("application/x-www-form-urlencoded;a=b"), body_kind::form);
    EXPECT_EQ(body_kind_of("text/plain"), body_kind::unsupported);
    EXPECT_EQ(body_kind_of("application/jsonx"), body_kind::unsupported);
}

TEST(http_params, read_a_body_without_a_media_type_as_json_or_as_a_form) {
    const auto untyped = [](std::string_view body) {
        return params("", body, body_kind::untyped);
    };
    EXPECT_EQ(untyped("name=red+pencil&price=4.15"), R"({"name":"red pencil","price":"4.15"})");
    EXPECT_EQ(untyped("a=1"), R"({"a":"1"})");
    EXPECT_EQ(untyped("a="), R"({"a":""})");
    EXPECT_EQ(untyped("a%5B0%5D=x&b[]=y"), R"({"a[0]":"x","b[]":"y"})");
    EXPECT_EQ(untyped("연필=\xEC\x97\xB0"), R"({"연필":"연"})");
    EXPECT_EQ(untyped("a={\"b\":1}"), R"({"a":"{\"b\":1}"})");
    EXPECT_EQ(untyped(R"({"a":"b=c"})"), R"({"a":"b=c"})");
    EXPECT_EQ(untyped(R"( {"a=b":1})"), R"({"a=b":1})");
    EXPECT_EQ(untyped(""), "{}");
    for (const char* neither :
         {"hello", "hello = world", "=1", "<a b=\"c\"/>", "[\"a=b\"]", "\"a=b\"", "a=\x01", "5"}) {
        EXPECT_TRUE(untyped(neither).starts_with("!bad JSON")) << neither;
        EXPECT_NE(untyped(neither).find("without a Content-Type"), std::string::npos) << neither;
    }
    EXPECT_TRUE(untyped("a=%").starts_with("!a % without"));
}

TEST(http_params, refuse_an_unpaired_surrogate_anywhere_in_json) {
    for (const char* body :
         {R"({"a":"\ud800"})",
          R"({"\ud800":1})",
          R"({"a":{"b":["\udc00"]}})",
          R"({"a":{"\uDBFF":1}})",
          R"({"a":"\ude00\ud83d"})",
          R"({"a":1,"a":"\ud800"})"}) {
        const std::string text = params("", body);
        EXPECT_TRUE(text.starts_with("!bad JSON at byte")) << body;
        EXPECT_NE(text.find("surrogate"), std::string::npos) << body;
    }
    EXPECT_EQ(params("", R"({"a":"\ud83d\ude00"})"), R"({"a":"\ud83d\ude00"})");
    EXPECT_EQ(params("a=%5Cud800"), R"({"a":"\\ud800"})");
}

TEST(http_params, report_how_to_write_a_refused_character) {
    EXPECT_NE(params("a=5%").find("%25"), std::string::npos);
    EXPECT_NE(params("a=%FF").find("UTF-8"), std::string::npos);
}

TEST(percent_decode, decodes_plus_as_a_space_only_on_request) {
    EXPECT_EQ(percent_decode("a+b%2B%c3%A9", false), "a+b+é");
    EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
    EXPECT_FALSE(percent_decode("%c3", false));
}

TEST(http_params, take_a_form_without_a_media_type_that_holds_blanks) {
    EXPECT_EQ(params("", "a=b c", body_kind::untyped), R"({"a":"b c"})");
    EXPECT_EQ(params("", "*+%5B[]$!~=", body_kind::untyped), R"({"* [[]$!~":""})");
    for (const char* no_form : {"a=b\x7F", "a=b\x1F", "a b=c", "a/b=c"}) {
        EXPECT_TRUE(params("", no_form, body_kind::untyped).starts_with("!bad JSON")) << no_form;
    }
}

TEST(http_params, may_be_nested_one_level_less_than_a_packet) {
    const auto nested = [](std::size_t arrays) {
        return "{\"a\":" + std::string(arrays, '[') + std::string(arrays, ']') + "}";
    };
    EXPECT_EQ(params("", nested(json::depth_max - 2)), nested(json::depth_max - 2));
    EXPECT_FALSE(params_of({{}, {}, nested(json::depth_max - 1), body_kind::json}));
    EXPECT_EQ(pairs_max, 1000U);
    EXPECT_EQ(body_kind_of("+json"), body_kind::unsupported);
    EXPECT_NE(params("", R"({"a":"\ud800"})").find(": \\ud800 is half"), std::string::npos);
}

TEST(http_params, limit_the_members_and_values_of_a_json_body) {
    const auto members = [](std::size_t count) {
        std::string text = "{";
        for (std::size_t n = 0; n < count; ++n) {
            text += (n == 0 ? "\"" : ",\"") + std::to_string(n) + "\":0";
        }
        return text + "}";
    };
    EXPECT_EQ(params("", members(4096)), members(4096));
    EXPECT_EQ(params("", members(4097)), "!too many members of a JSON object: send at most 4096");
    const auto values = [](std::size_t count) {
        std::string text = R"({"a":[0)";
        for (std::size_t n = 2; n < count; ++n) {
            text += ",0";
        }
        return text + "]}";
    };
    EXPECT_EQ(params("", values(65536)), values(65536));
    EXPECT_EQ(params("", values(65537)), "!too many values in JSON: send at most 65536");
}

TEST(http_params, with_the_most_of_everything_are_accepted_by_a_service) {
    EXPECT_GE(request_bounds.members, body_bounds.members + 2 * pairs_max);
    EXPECT_GE(request_bounds.values, body_bounds.values + 2 * pairs_max + 64);
    EXPECT_EQ(request_bounds.levels, body_bounds.levels + 1);
}

} // namespace
} // namespace msd::wire
