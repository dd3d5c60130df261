// SPDX-License-Identifier: Apache-2.0
#include "wire/resp.hpp"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <string>
#include <vector>

namespace msd::wire {
namespace {

using kind = resp_value::kind;

constexpr std::size_t bytes_max = 1024;

// The values that were read, and the error, if any.
struct reading {
    std::vector<resp_value> replies;
    std::optional<error> broken;
};

void take_all(resp_reader& from, reading& into) {
    for (;;) {
        auto next = from.next();
        if (!next) {
            into.broken = next.error();
            return;
        }
        if (!*next) {
            return;
        }
        into.replies.push_back(std::move(**next));
    }
}

reading read_pieces(std::string_view bytes, std::size_t first, std::size_t step) {
    resp_reader reader{bytes_max};
    reading made;
    reader.feed(bytes.substr(0, first));
    take_all(reader, made);
    for (std::size_t at = first; at < bytes.size() && !made.broken; at += step) {
        reader.feed(bytes.substr(at, step));
        take_all(reader, made);
    }
    return made;
}

reading read(std::string_view bytes) {
    return read_pieces(bytes, bytes.size(), 1);
}

errc code_of(std::string_view bytes) {
    const auto made = read(bytes);
    EXPECT_TRUE(made.broken) << bytes;
    return made.broken ? made.broken->code : errc::internal;
}

// Replies of every kind, some of them nested.
const std::string sample =
    "+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n*-1\r\n$0\r\n\r\n$4\r\na\r\nb\r\n*0\r\n"
    "*3\r\n$1\r\nx\r\n*2\r\n:1\r\n*1\r\n+in\r\n$-1\r\n+end\r\n";

void expect_sample(const reading& made) {
    ASSERT_FALSE(made.broken) << made.broken->text;
    const auto& all = made.replies;
    ASSERT_EQ(all.size(), 10U);
    EXPECT_TRUE(all[0].is_status("OK"));
    EXPECT_EQ(all[1].what, kind::error);
    EXPECT_EQ(all[1].text, "ERR no");
    EXPECT_EQ(all[2].integer, -42);
    EXPECT_EQ(all[3].what, kind::nil);
    EXPECT_EQ(all[4].what, kind::nil);
    EXPECT_EQ(all[5].what, kind::text);
    EXPECT_EQ(all[5].text, "");
    EXPECT_EQ(all[6].text, "a\r\nb");
    EXPECT_EQ(all[7].what, kind::array);
    EXPECT_TRUE(all[7].items.empty());
    ASSERT_EQ(all[8].items.size(), 3U);
    EXPECT_EQ(all[8].items[0].text, "x");
    EXPECT_EQ(all[8].items[1].items[1].items[0].text, "in");
    EXPECT_EQ(all[8].items[2].what, kind::nil);
    EXPECT_TRUE(all[9].is_status("end"));
}

TEST(resp_reader, reads_every_kind_of_reply) {
    expect_sample(read(sample));
}

TEST(resp_reader, reads_the_same_replies_when_cut_at_every_byte) {
    for (std::size_t cut = 0; cut <= sample.size(); ++cut) {
        expect_sample(read_pieces(sample, cut, sample.size()));
    }
    expect_sample(read_pieces(sample, 0, 1));
}

TEST(resp_reader, returns_all_bytes_of_a_text) {
    const std::string bytes{"$3\r\n\0\xff\n\r\n", 10};
    EXPECT_EQ(read(bytes).replies.at(0).text, (std::string{"\0\xff\n", 3}));
}

TEST(resp_reader, refuses_malformed_replies) {
    for (const std::string_view bytes :
         {"HTTP/1.1 400 Bad Request\r\n",
          "\x15\x03\x03",
          ":12a\r\n",
          ":\r\n",
          "$12a\r\n",
          "$-2\r\n",
          "*-2\r\n",
          "*99999999999\r\n",
          "$99999999999999999999\r\n",
          "%1\r\n"}) {
        EXPECT_EQ(code_of(bytes), errc::malformed) << bytes;
    }
}

TEST(resp_reader, returns_the_same_error_after_a_failure) {
    resp_reader reader{bytes_max};
    reader.feed("?");
    EXPECT_FALSE(reader.next());
    reader.feed("+OK\r\n");
    EXPECT_FALSE(reader.next());
}

TEST(resp_reader, drops_the_values_before_a_malformed_one) {
    const auto made = read("+OK\r\n*2\r\n$1\r\nx\r\n?");
    EXPECT_EQ(made.replies.size(), 1U);
    EXPECT_TRUE(made.broken);
}

TEST(resp_reader, refuses_a_long_text_as_soon_as_it_is_announced) {
    EXPECT_EQ(code_of("$1025\r\n"), errc::too_large);
    EXPECT_FALSE(read("$1024\r\n").broken);
    EXPECT_EQ(code_of("$9223372036854775807\r\n"), errc::too_large);
}

TEST(resp_reader, counts_the_texts_of_a_reply_together) {
    const std::string half = "$600\r\n" + std::string(600, 'x') + "\r\n";
    EXPECT_FALSE(read(half + half).broken) << "two replies";
    EXPECT_EQ(code_of("*2\r\n" + half + half), errc::too_large);
}

TEST(resp_reader, refuses_many_elements_before_it_makes_them) {
    EXPECT_EQ(code_of("*65537\r\n"), errc::too_large);
    EXPECT_EQ(code_of("*2147483647\r\n"), errc::too_large);
    EXPECT_EQ(
        code_of("*2\r\n*40000\r\n" + std::string(std::size_t{40'000} * 5, ' ')),
        errc::malformed
    );
    std::string nested = "*2\r\n*40000\r\n";
    for (int i = 0; i < 40'000; ++i) {
        nested += ":1\r\n";
    }
    EXPECT_EQ(code_of(nested + "*40000\r\n"), errc::too_large);
}

TEST(resp_reader, refuses_arrays_too_deep) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) {
        deep += "*1\r\n";
    }
    EXPECT_EQ(code_of(deep), errc::malformed);
    EXPECT_FALSE(read("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n").broken);
}

TEST(resp_reader, refuses_a_line_without_an_end) {
    for (const char type : {'+', '-', ':', '$', '*'}) {
        resp_reader reader{std::size_t{64} << 20};
        const std::string start{type, '\r'}; // a CR alone does not end a line
        reader.feed(start);
        const std::string piece(1024, '1');
        int pieces = 0;
        while (reader.next() && pieces < 1000) {
            reader.feed(piece);
            ++pieces;
        }
        EXPECT_LT(pieces, 70) << type;
    }
}

TEST(resp_command, is_written_as_hiredis_writes_it) {
    const std::vector<std::vector<std::string>> commands{
        {"PING"},
        {"SET", "key", ""},
        {"SET", std::string{"a\0b", 3}, "\r\n$3\r\n"},
        {"ECHO", std::string(100'000, 'x')}};
    for (const auto& command : commands) {
        std::vector<std::string_view> views{command.begin(), command.end()};
        std::vector<const char*> pointers;
        std::vector<std::size_t> sizes;
        for (const auto view : views) {
            pointers.push_back(view.data());
            sizes.push_back(view.size());
        }
        char* expected = nullptr;
        const int size = redisFormatCommandArgv(
            &expected,
            static_cast<int>(views.size()),
            pointers.data(),
            sizes.data()
        );
        ASSERT_GT(size, 0);
        std::string written;
        append_resp_command(written, views);
        EXPECT_EQ(written, (std::string{expected, static_cast<std::size_t>(size)}));
        redisFreeCommand(expected);
    }
}

TEST(resp_reader, accepts_lines_and_arrays_of_exactly_their_limits) {
    const auto code = [](const std::string& bytes) {
        resp_reader reader{std::size_t{1} << 20};
        reader.feed(bytes);
        const auto made = reader.next();
        return made ? errc::internal : made.error().code;
    };
    EXPECT_EQ(resp_reader::line_bytes_max, 65536U);
    EXPECT_EQ(resp_reader::elements_max, 65536U);
    for (const char type : {'+', '-'}) {
        EXPECT_EQ(code(type + std::string(65536, 'x') + "\r\n"), errc::internal) << type;
        EXPECT_EQ(code(type + std::string(65537, 'x') + "\r\n"), errc::too_large) << type;
        EXPECT_EQ(code(type + std::string(65536, 'x')), errc::internal) << type;
        EXPECT_EQ(code(type + std::string(65537, 'x')), errc::too_large) << type;
    }
    EXPECT_EQ(code("$70000\r\n" + std::string(70'000, 'x') + "\r\n"), errc::internal);
    EXPECT_EQ(code("*65536\r\n"), errc::internal);
    std::string all = "*65536\r\n";
    for (int count = 0; count < 65536; ++count) {
        all += "*0\r\n";
    }
    EXPECT_EQ(code(all), errc::internal);
}

TEST(resp_reader, accepts_a_reply_whose_texts_are_exactly_the_limit) {
    const std::string half = "$512\r\n" + std::string(512, 'x') + "\r\n";
    const auto made = read("*2\r\n" + half + half);
    EXPECT_FALSE(made.broken);
    EXPECT_EQ(made.replies.size(), 1U);
    EXPECT_EQ(code_of("*2\r\n" + half + "$513\r\n"), errc::too_large);
    EXPECT_EQ(code_of("*3\r\n" + half + half + "+x\r\n"), errc::too_large);
    EXPECT_FALSE(read("*2\r\n" + half + "*100").broken) << "the length of an array is no text";
}

TEST(resp_reader, counts_the_elements_of_each_reply_anew) {
    std::string large = "*40000\r\n";
    for (int count = 0; count < 40'000; ++count) {
        large += ":1\r\n";
    }
    resp_reader reader{bytes_max};
    for (int count = 0; count < 2; ++count) {
        reader.feed(large);
        const auto made = reader.next();
        ASSERT_TRUE(made && *made) << count;
        EXPECT_EQ((*made)->items.size(), 40'000U);
    }
}

TEST(resp_value, is_a_status_only_with_its_kind_and_its_text) {
    const resp_value status = read("+OK\r\n").replies.at(0);
    EXPECT_TRUE(status.is(kind::status));
    EXPECT_FALSE(status.is(kind::text));
    EXPECT_TRUE(status.is_status("OK"));
    EXPECT_FALSE(status.is_status("PONG"));
    EXPECT_FALSE(read("$2\r\nOK\r\n").replies.at(0).is_status("OK"));
}

} // namespace
} // namespace msd::wire
