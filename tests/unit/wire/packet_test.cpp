// SPDX-License-Identifier: Apache-2.0
#include "wire/packet.hpp"
#include "wire/request_size.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd::wire {
namespace {

packet read(std::string_view frame) {
    packet read;
    EXPECT_TRUE(read.parse(frame)) << frame;
    return read;
}

packet_kind kind_of(std::string_view frame) {
    return read(frame).kind();
}

std::string body_of(std::string_view frame, reply_dialect spoken = reply_dialect::msd) {
    const packet reply = read(frame);
    const result<envelope> opened = open_envelope(reply, spoken);
    EXPECT_TRUE(opened) << frame;
    std::string body;
    for (const std::string_view piece : opened->body()) {
        body += piece;
    }
    EXPECT_TRUE(json::object{}.parse(body)) << body;
    return body;
}

// The frame without its terminator, which it must end with.
std::string_view unframed(std::string_view frame) {
    EXPECT_TRUE(frame.ends_with(terminator));
    frame.remove_suffix(terminator.size());
    EXPECT_EQ(frame.find(terminator), std::string_view::npos);
    return frame;
}

TEST(packet, recognizes_each_kind) {
    EXPECT_EQ(kind_of(R"({"uri":"/goods","method":"GET","params":{}})"), packet_kind::request);
    EXPECT_EQ(kind_of(R"({"key":1,"errorcode":0})"), packet_kind::reply);
    EXPECT_EQ(kind_of(R"({"cancel":5})"), packet_kind::cancel);
    EXPECT_EQ(kind_of(R"({"hello":{"proto":2}})"), packet_kind::hello);
    EXPECT_EQ(kind_of(R"({"goaway":{"last_key":7}})"), packet_kind::goaway);
    EXPECT_EQ(kind_of("{}"), packet_kind::other);
}

TEST(packet, recognizes_a_request_with_members_of_other_kinds) {
    EXPECT_EQ(kind_of(R"({"cancel":5,"uri":"/a","method":"GET","key":1})"), packet_kind::request);
    EXPECT_EQ(kind_of(R"({"cancel":5,"uri":7,"method":"GET","key":1})"), packet_kind::other);
    EXPECT_EQ(kind_of(R"({"uri":"/a","key":1})"), packet_kind::other);
    EXPECT_EQ(kind_of(R"({"uri":"/a","method":null})"), packet_kind::other);
}

TEST(packet, recognizes_a_reply_with_members_of_other_kinds) {
    EXPECT_EQ(kind_of(R"({"key":1,"cancel":5,"hello":{},"goaway":{}})"), packet_kind::reply);
    EXPECT_EQ(kind_of(R"({"method":"GET","key":1})"), packet_kind::reply);
}

TEST(packet, refuses_a_malformed_cancel_hello_or_goaway) {
    EXPECT_EQ(kind_of(R"({"cancel":"5"})"), packet_kind::other);
    EXPECT_EQ(kind_of(R"({"cancel":-5})"), packet_kind::other);
    EXPECT_EQ(kind_of(R"({"hello":1})"), packet_kind::other);
    EXPECT_EQ(kind_of(R"({"goaway":[]})"), packet_kind::other);
}

TEST(packet, prefers_the_top_level_key) {
    const packet both = read(R"({"uri":"/a","method":"GET","key":1.0,"params":{"key":2}})");
    EXPECT_EQ(both.key(), "1.0");
    EXPECT_FALSE(both.key_in_params());
    const packet inner = read(R"({"uri":"/a","method":"GET","params":{"key":"2"}})");
    EXPECT_EQ(inner.key(), "\"2\"");
    EXPECT_TRUE(inner.key_in_params());
    const packet none = read(R"({"uri":"/a","method":"GET","params":{"__proto__":{"key":3}}})");
    EXPECT_EQ(none.key(), "");
    EXPECT_FALSE(none.key_in_params());
}

TEST(packet, uses_the_last_member_of_a_repeated_name) {
    const packet seen = read(R"({"uri":"/a","key":1,"uri":"/b","method":"GET","key":2})");
    EXPECT_EQ(seen.uri(), "/b");
    EXPECT_EQ(seen.key(), "2");
}

TEST(packet, returns_params_only_when_they_are_an_object) {
    EXPECT_EQ(read(R"({"params":{"a":1}})").params()->find("a")->text, "1");
    for (const char* other : {R"({"params":null})", R"({"params":"abc"})", R"({"params":[]})"}) {
        EXPECT_EQ(read(other).params(), nullptr) << other;
        EXPECT_NE(read(other).raw_params(), nullptr) << other;
    }
    EXPECT_EQ(read("{}").raw_params(), nullptr);
}

TEST(packet, keeps_the_key_of_a_malformed_frame_readable) {
    packet seen;
    EXPECT_FALSE(seen.parse(R"({"uri":"/a","method":"GET","key":7,"params":{]})"));
    EXPECT_EQ(seen.key(), "7");
    EXPECT_EQ(seen.kind(), packet_kind::other);
    EXPECT_FALSE(seen.parse(R"({"params":{"key":8},"x")"));
    EXPECT_EQ(seen.key(), "8");
    EXPECT_FALSE(seen.parse("x"));
    EXPECT_EQ(seen.key(), "");
}

TEST(packet, discards_the_previous_frame_when_it_parses_again) {
    packet seen;
    ASSERT_TRUE(seen.parse(R"({"uri":"/a","method":"GET","params":{"key":1}})"));
    ASSERT_TRUE(seen.parse("{}"));
    EXPECT_EQ(seen.kind(), packet_kind::other);
    EXPECT_EQ(seen.key(), "");
    EXPECT_EQ(seen.uri(), "");
    EXPECT_EQ(seen.params(), nullptr);
    EXPECT_FALSE(seen.key_in_params());
}

TEST(packet_writing, writes_a_request_that_reads_back) {
    request_fields request;
    request.method = "POST";
    request.uri = "/goods";
    request.params = R"({"name":"a¶b","price":1.0})";
    request.idem = "i¶";
    request.trace = "t";
    request.id = "r\"";
    request.client = "::1";
    request.deadline_ms = 250;
    std::string out = "before";
    append_request(out, request, 18446744073709551615U);
    const packet seen = read(unframed(std::string_view{out}.substr(6)));
    EXPECT_EQ(seen.kind(), packet_kind::request);
    EXPECT_EQ(seen.method(), "POST");
    EXPECT_EQ(seen.uri(), "/goods");
    EXPECT_EQ(seen.key(), "18446744073709551615");
    EXPECT_EQ(seen.params()->find("name")->as_string(), "a¶b");
    EXPECT_EQ(seen.params()->find("price")->text, "1.0");
    EXPECT_EQ(seen.fields().find("idem")->as_string(), "i¶");
    EXPECT_EQ(seen.fields().find("trace")->as_string(), "t");
    EXPECT_EQ(seen.fields().find("id")->as_string(), "r\"");
    EXPECT_EQ(seen.fields().find("client")->as_string(), "::1");
    EXPECT_EQ(seen.fields().find("deadline_ms")->as_int64(), 250);
}

TEST(packet_writing, omits_members_that_a_request_does_not_have) {
    request_fields request;
    request.method = "GET";
    request.uri = "/a";
    std::string out;
    append_request(out, request, 1);
    EXPECT_EQ(unframed(out), R"({"uri":"/a","method":"GET","key":1,"params":{}})");
}

TEST(packet_writing, writes_the_key_of_a_foreign_request_at_the_top_level_and_into_params) {
    request_fields request;
    request.method = "GET";
    request.uri = "/a";
    request.idem = "i";
    request.client = "10.0.0.1";
    request.params = R"( {"key":"x", "a" : 1.0,"\u006bey":5} )";
    std::string out;
    append_foreign_request(out, request, 7);
    EXPECT_EQ(unframed(out), R"({"uri":"/a","method":"GET","key":7,"params":{"a" : 1.0,"key":7}})");
    request.params = "{}";
    out.clear();
    append_foreign_request(out, request, 7);
    EXPECT_EQ(unframed(out), R"({"uri":"/a","method":"GET","key":7,"params":{"key":7}})");
}

TEST(packet_writing, writes_the_key_of_a_reply_as_the_request_wrote_it) {
    std::string out;
    append_reply(out, "1.0", {});
    EXPECT_EQ(unframed(out), R"({"key":1.0,"errorcode":0,"errormessage":"success"})");
    out.clear();
    append_reply(out, "", {1, "no ¶", R"("id":1)", 404});
    EXPECT_EQ(unframed(out), R"({"status":404,"errorcode":1,"errormessage":"no \u00b6","id":1})");
}

TEST(packet_writing, copies_members_only_when_they_need_escapes) {
    const reply_fields reply{0, "done ¶", R"("id":1)", 200};
    std::string whole;
    append_reply(whole, "7", reply);
    std::string out;
    ASSERT_TRUE(append_reply_start(out, "7", reply));
    EXPECT_EQ(out + std::string{reply.members} + std::string{reply_end}, whole);
    std::string none;
    EXPECT_FALSE(append_reply_start(none, "7", {0, "done", R"("name":"a¶b")", 200}));
    EXPECT_EQ(none, "");
}

TEST(packet_writing, escapes_every_terminator_in_its_own_frame_only) {
    std::string out = "¶";
    append_frame(out, R"({"¶":"¶¶","a":"\\¶\u00b6","b":"¶"})");
    EXPECT_TRUE(out.starts_with("¶{"));
    EXPECT_EQ(
        unframed(out.substr(2)),
        R"({"\u00b6":"\u00b6\u00b6","a":"\\\u00b6\u00b6","b":"\u00b6"})"
    );
}

TEST(packet_envelope, removes_key_and_status_at_any_position) {
    EXPECT_EQ(body_of(R"({"key":1,"errorcode":0})"), R"({"errorcode":0})");
    EXPECT_EQ(body_of(R"({"errorcode":0,"key":1})"), R"({"errorcode":0})");
    EXPECT_EQ(body_of(R"({"status":404,"key":1})"), "{}");
    EXPECT_EQ(body_of(R"({"key":1})"), "{}");
    EXPECT_EQ(body_of(R"({"a":1,"key":1,"b":2})"), R"({"a":1,"b":2})");
    EXPECT_EQ(body_of(R"({"a":1,"key":1,"b":2,"status":3,"c":4})"), R"({"a":1,"b":2,"c":4})");
    EXPECT_EQ(body_of(R"({"status":3,"a":1.0,"key":1})"), R"({"a":1.0})");
    EXPECT_EQ(body_of(R"({"a":1,"key":1,"status":3})"), R"({"a":1})");
    EXPECT_EQ(body_of(R"({"a":1,"status":3,"key":1,"b":2})"), R"({"a":1,"b":2})");
    EXPECT_EQ(body_of(R"({"\u006bey":1,"a":1})"), R"({"a":1})");
}

TEST(packet_envelope, removes_every_member_of_a_repeated_name) {
    EXPECT_EQ(
        body_of(R"({"key":1,"a":1,"key":2,"b":2,"key":3,"c":3,"status":4,"d":4,"key":5,"e":5})"),
        R"({"a":1,"b":2,"c":3,"d":4,"e":5})"
    );
    EXPECT_EQ(body_of(R"({"a":1,"key":1,"b":2,"key":3,"c":3,"key":4})"), R"({"a":1,"b":2,"c":3})");
}

TEST(packet_envelope, keeps_all_other_members_byte_for_byte) {
    EXPECT_EQ(
        body_of(" { \"key\" : 1 , \"a\" : 1.00e5 ,\n\"b\": [ {\"key\":1,\"status\":2} ] } "),
        "{ \"a\" : 1.00e5 ,\n\"b\": [ {\"key\":1,\"status\":2} ] }"
    );
}

TEST(packet_envelope, refers_to_the_frame_without_copying) {
    const std::string frame = R"({"key":1,"a":1,"status":201,"b":2})";
    const packet reply = read(frame);
    const result<envelope> opened = open_envelope(reply);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->joined, nullptr);
    for (const std::string_view piece : opened->body()) {
        EXPECT_TRUE(piece.data() >= frame.data() && piece.data() < frame.data() + frame.size());
    }
}

TEST(packet_envelope, reads_the_key_in_every_form_that_a_service_returns) {
    const auto key_of = [](std::string_view frame) -> std::optional<std::uint64_t> {
        const packet reply = read(frame);
        const result<envelope> opened = open_envelope(reply);
        return opened->has_key ? std::optional{opened->key} : std::nullopt;
    };
    EXPECT_EQ(key_of(R"({"key":18446744073709551615})"), 18446744073709551615U);
    EXPECT_EQ(key_of(R"({"key":5.0})"), 5U);
    EXPECT_EQ(key_of(R"({"key":"5"})"), 5U);
    EXPECT_EQ(key_of(R"({"key":6,"key":5})"), 5U);
    for (const char* none :
         {R"({"key":-1})",
          R"({"key":1.5})",
          R"({"key":"x"})",
          R"({"key":""})",
          R"({"key":null})",
          R"({"key":{}})",
          R"({"key":"\u0035"})"}) {
        EXPECT_EQ(key_of(none), std::nullopt) << none;
    }
}

TEST(packet_envelope, reads_status_and_errorcode) {
    const auto status_of = [](std::string_view frame) {
        const packet reply = read(frame);
        const result<envelope> opened = open_envelope(reply);
        return std::pair{opened->status, opened->errorcode};
    };
    EXPECT_EQ(
        status_of(R"({"key":1,"status":404,"errorcode":1})"),
        (std::pair{404, std::optional{std::int64_t{1}}})
    );
    EXPECT_EQ(status_of(R"({"key":1,"status":99})").first, 0);
    EXPECT_EQ(status_of(R"({"key":1,"status":600})").first, 0);
    EXPECT_EQ(status_of(R"({"key":1,"status":"404"})").first, 0);
    EXPECT_EQ(status_of(R"({"key":1,"errorcode":"x"})").second, std::nullopt);
}

TEST(packet_envelope, keeps_the_status_of_a_foreign_reply_in_its_body) {
    const std::string_view frame = R"({"key":1,"status":404,"errorcode":0})";
    EXPECT_EQ(body_of(frame, reply_dialect::foreign), R"({"status":404,"errorcode":0})");
    EXPECT_EQ(body_of(R"({"status":3,"key":1})", reply_dialect::foreign), R"({"status":3})");
    const packet reply = read(frame);
    EXPECT_EQ(open_envelope(reply, reply_dialect::foreign)->status, 0);
}

TEST(packet_envelope, exists_for_every_packet_with_a_top_level_key) {
    EXPECT_EQ(
        body_of(R"({"uri":"/a","method":"GET","key":1,"n":2})", reply_dialect::foreign),
        R"({"uri":"/a","method":"GET","n":2})"
    );
    EXPECT_EQ(body_of(R"({"uri":"/a","key":1})"), R"({"uri":"/a"})");
    const packet none = read(R"({"uri":"/a","method":"GET","params":{"key":1}})");
    EXPECT_FALSE(open_envelope(none));
}

TEST(packet, of_msd_itself_needs_the_right_type_of_member) {
    const auto kind = [](const char* text) {
        packet read;
        EXPECT_TRUE(read.parse(text)) << text;
        return read.kind();
    };
    EXPECT_EQ(kind(R"({"cancel":0})"), packet_kind::cancel);
    EXPECT_EQ(kind(R"({"hello":{}})"), packet_kind::hello);
    EXPECT_EQ(kind(R"({"goaway":{}})"), packet_kind::goaway);
    EXPECT_EQ(kind(R"({"changed":{}})"), packet_kind::changed);
    EXPECT_EQ(kind(R"({"cancel":1,"key":2})"), packet_kind::reply);
    for (const char* other :
         {R"({"cancel":-1})",
          R"({"cancel":"1"})",
          R"({"hello":1})",
          R"({"goaway":[]})",
          R"({"changed":"x"})",
          R"({"uri":"/a"})",
          R"({"uri":"/a","method":5})",
          R"({"uri":5,"method":"GET"})",
          R"({"uri":5,"method":"GET","key":1})",
          R"({"params":{"key":1}})",
          R"({})"}) {
        EXPECT_EQ(kind(other), packet_kind::other) << other;
    }
}

TEST(packet, discards_the_previous_packet) {
    packet read;
    ASSERT_TRUE(read.parse(R"({"uri":"/a","method":"GET","params":{"key":7}})"));
    EXPECT_EQ(read.kind(), packet_kind::request);
    EXPECT_TRUE(read.key_in_params());
    EXPECT_EQ(read.key(), "7");
    ASSERT_NE(read.params(), nullptr);
    ASSERT_TRUE(read.parse("{}"));
    EXPECT_EQ(read.kind(), packet_kind::other);
    EXPECT_FALSE(read.key_in_params());
    EXPECT_EQ(read.key(), "");
    EXPECT_EQ(read.params(), nullptr);
    EXPECT_EQ(read.uri(), "");
    EXPECT_EQ(read.method(), "");
    ASSERT_TRUE(read.parse(R"({"key":1,"params":{"key":2}})"));
    EXPECT_EQ(read.key(), "1");
    EXPECT_FALSE(read.key_in_params());
    EXPECT_FALSE(read.parse(R"({"uri":"/a","method":"GET","params":{"a":}})"));
}

TEST(envelope, has_only_a_valid_http_status) {
    const auto status = [](const char* text) {
        packet read;
        EXPECT_TRUE(read.parse(text)) << text;
        return open_envelope(read, reply_dialect::msd)->status;
    };
    EXPECT_EQ(status(R"({"key":1,"status":100})"), 100);
    EXPECT_EQ(status(R"({"key":1,"status":599})"), 599);
    EXPECT_EQ(status(R"({"key":1,"status":99})"), 0);
    EXPECT_EQ(status(R"({"key":1,"status":600})"), 0);
    EXPECT_EQ(status(R"({"key":1,"status":"200"})"), 0);
    EXPECT_EQ(status(R"({"key":1})"), 0);
}

TEST(packet, is_refused_when_only_its_params_have_too_many_members) {
    std::string text = R"({"uri":"/a","method":"GET","params":{"a":1)";
    for (std::size_t count = 1; count <= json::members_max; ++count) {
        text += R"(,"a":1)";
    }
    packet read;
    EXPECT_FALSE(read.parse(text + "}}"));
    EXPECT_EQ(read.kind(), packet_kind::other);
}

TEST(packet, with_more_params_than_a_request_may_have_still_has_its_key) {
    std::string text = R"({"key":7,"uri":"/a","method":"GET","params":{"a":1)";
    for (std::size_t count = 1; count < request_bounds.members; ++count) {
        text += R"(,"a":1)";
    }
    packet read;
    EXPECT_TRUE(read.parse(text + "}}", request_bounds));
    const std::string larger = text + R"(,"a":1}})";
    const auto refused = read.parse(larger, request_bounds);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::invalid);
    EXPECT_EQ(refused.error().text, "too many members of a JSON object: send at most 8192");
    EXPECT_EQ(read.key(), "7");
    EXPECT_EQ(read.params(), nullptr);
    EXPECT_TRUE(read.parse(larger)) << "a reply may have more";
}

TEST(packet, has_the_params_of_the_last_member_of_that_name) {
    packet read;
    ASSERT_TRUE(read.parse(R"({"uri":"/a","method":"GET","params":{"key":1},"params":{"b":2}})"));
    EXPECT_EQ(read.key(), "");
    EXPECT_EQ(read.params()->text(), R"({"b":2})");
    ASSERT_TRUE(read.parse(R"({"uri":"/a","method":"GET","params":{"key":1},"params":[]})"));
    EXPECT_EQ(read.params(), nullptr);
    EXPECT_EQ(read.key(), "");
    ASSERT_TRUE(read.parse(R"({"uri":"/a","method":"GET","params":5,"p\u0061rams":{"key":1}})"));
    EXPECT_EQ(read.key(), "1");
    EXPECT_TRUE(read.key_in_params());
    ASSERT_TRUE(read.parse(R"({"uri":"/a","method":"GET"})"));
    EXPECT_EQ(read.params(), nullptr) << "nothing is left of the packet before";
}

} // namespace
} // namespace msd::wire
