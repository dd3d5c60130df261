// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/unique_fd.hpp"
#include "gateway/access_log.hpp"
#include "gateway/backend.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace msd::gateway {
namespace {

using std::chrono::microseconds;
using std::chrono::system_clock;

const system_clock::time_point moment{
    std::chrono::sys_seconds{std::chrono::seconds{784'111'777}} +
    microseconds{42}}; // 1994-11-06 08:49:37

// An exchange with the parts that a test changes.
struct exchange {
    exchange() {
        record.begun = time_point{} + std::chrono::hours{1};
        request.method = "GET";
        request.target = "/a?b=c";
    }

    [[nodiscard]] access_entry entry() const {
        return {
            record,
            request,
            "192.0.2.7",
            "r-1",
            "api",
            "shop",
            81,
            312,
            record.begun + microseconds{1500}};
    }
    [[nodiscard]] std::string combined() const { return combined_line(entry(), moment); }
    [[nodiscard]] std::string json() const { return json_line(entry(), moment); }

    exchange_record record;
    wire::http_request request;
};

TEST(access_log, writes_the_combined_format) {
    exchange seen;
    seen.record.status = 404;
    EXPECT_EQ(
        seen.combined(),
        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=c HTTP/1.1\" 404 312 \"-\" \"-\"\n"
    );
    seen.request.headers.add("Referer", "http://h/x");
    seen.request.headers.add("User-Agent", "curl/7.88.1");
    seen.request.minor_version = 0;
    seen.record.status = 0;
    EXPECT_EQ(
        seen.combined(),
        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=c HTTP/1.0\" - 312 \"http://h/x\" "
        "\"curl/7.88.1\"\n"
    );
    seen.request.method.clear(); // the head was malformed
    EXPECT_NE(seen.combined().find("] \"-\" - "), std::string::npos);
}

TEST(access_log, escapes_what_would_forge_a_field_or_a_line) {
    exchange seen;
    seen.request.target = "/a\"b\\";
    seen.request.headers.add("User-Agent", "x\" \xE2\x80\xAE\xFF\ty");
    const std::string line = seen.combined();
    EXPECT_NE(line.find(R"("GET /a\"b\\ HTTP/1.1")"), std::string::npos) << line;
    EXPECT_NE(line.find("\"x\\\" \\u202e\xEF\xBF\xBD\\ty\""), std::string::npos) << line;
    const std::string object = seen.json();
    EXPECT_EQ(object.find('\n'), object.size() - 1);
    EXPECT_EQ(object.find("\xE2\x80\xAE"), std::string::npos) << object;
    const auto read = json::parse(object);
    ASSERT_TRUE(read);
}

TEST(access_log, writes_json_with_the_times_of_the_stages) {
    exchange seen;
    seen.record.status = 200;
    seen.record.endpoint = "127.0.0.1:8081";
    seen.record.attempts = 2;
    seen.record.connected = seen.record.begun + microseconds{200};
    seen.record.first_byte = seen.record.begun + microseconds{900};
    seen.record.cut = "the program closed the connection";
    seen.request.headers.add("Host", "h:8000");
    seen.request.headers.add("Referer", "http://h/");
    seen.request.headers.add("User-Agent", "curl");
    EXPECT_EQ(
        seen.json(),
        R"({"time":"1994-11-06T08:49:37.000042Z","client":"192.0.2.7","method":"GET",)"
        R"("target":"/a?b=c","protocol":"HTTP/1.1","host":"h:8000","status":200,"bytes_in":81,)"
        R"("bytes_out":312,"route":"api","service":"shop","endpoint":"127.0.0.1:8081",)"
        R"("attempts":2,"t_connect_us":200,"t_ttfb_us":900,"t_total_us":1500,"request_id":"r-1",)"
        R"("referer":"http://h/","user_agent":"curl","cut":"the program closed the connection"})"
        "\n"
    );
    const std::string little = exchange{}.json();
    for (const char* absent : {"t_connect_us", "t_ttfb_us", "endpoint", "referer", "cut"}) {
        EXPECT_EQ(little.find(absent), std::string::npos) << absent;
    }
    EXPECT_NE(little.find(R"("status":0)"), std::string::npos);
}

TEST(access_log, masks_secrets_in_queries_and_referers) {
    exchange seen;
    for (const char* query :
         {"password=hidden&b=1",
          "b=1&api_key=hidden",
          "p%61ssword=hidden",
          "x[token]=hidden",
          "to=%2Fx%3Ftoken%3Dhidden",
          "access_token=hidden"}) {
        seen.request.target = std::string{"/a?"} + query;
        seen.request.headers.set("Referer", std::string{"https://h/?"} + query);
        for (const std::string& line : {seen.combined(), seen.json()}) {
            EXPECT_EQ(line.find("hidden"), std::string::npos) << line;
            EXPECT_NE(line.find("***"), std::string::npos) << line;
        }
    }
    seen.request.target = "/token/a?id=1";
    EXPECT_NE(seen.combined().find("GET /token/a?id=1 HTTP"), std::string::npos);
}

TEST(access_log, masks_users_in_urls) {
    exchange seen;
    seen.request.headers.add("Referer", "https://me:hidden@h/x@y?u=ftp://hidden@h");
    seen.request.headers.add("User-Agent", "bot (+https://bot.example/@me)");
    for (const std::string& line : {seen.combined(), seen.json()}) {
        EXPECT_EQ(line.find("hidden"), std::string::npos) << line;
        EXPECT_NE(line.find("https://***@h/x@y?u=ftp://***@h"), std::string::npos) << line;
        EXPECT_NE(line.find("bot (+https://bot.example/@me)"), std::string::npos) << line;
    }
}

TEST(access_log, limits_the_length_of_each_text) {
    exchange seen;
    seen.request.target = "/" + std::string(8000, 'a');
    seen.request.headers.add("User-Agent", std::string(8000, 'b'));
    seen.request.headers.add("Referer", std::string(8000, '"'));
    EXPECT_LE(seen.combined().size(), 4 * access_text_bytes_max + 200);
    EXPECT_LE(seen.json().size(), 4 * access_text_bytes_max + 500);
}

// A directory of the test, with a name for a file in it.
class access_log_file : public ::testing::Test {
protected:
    access_log_file() {
        std::string name = (std::filesystem::temp_directory_path() / "msd-access-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
    }
    ~access_log_file() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::string path(const char* name) const { return (directory_ / name).string(); }

    // The number of lines in a file.
    [[nodiscard]] std::ptrdiff_t lines(const char* name) const {
        std::ifstream file{path(name)};
        return std::count(std::istreambuf_iterator<char>{file}, {}, '\n');
    }

private:
    std::filesystem::path directory_;
};

TEST_F(access_log_file, appends_a_line_for_each_exchange_and_opens_the_file_again) {
    const exchange seen;
    access_log log;
    EXPECT_FALSE(log.is_on());
    log.write(seen.entry());
    ASSERT_TRUE(log.configure({"combined", path("access.log")}));
    EXPECT_TRUE(log.is_on());
    log.write(seen.entry());
    log.write(seen.entry());
    EXPECT_EQ(lines("access.log"), 2);
    struct stat facts {};
    ASSERT_EQ(::stat(path("access.log").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
    std::filesystem::rename(path("access.log"), path("access.log.1"));
    log.write(seen.entry());
    EXPECT_EQ(lines("access.log.1"), 3);
    log.reopen();
    log.write(seen.entry());
    EXPECT_EQ(lines("access.log"), 1);
    EXPECT_EQ(lines("access.log.1"), 3);
    ASSERT_TRUE(log.configure({"off", ""}));
    log.write(seen.entry());
    EXPECT_EQ(lines("access.log"), 1);
}

TEST_F(access_log_file, keeps_its_file_when_another_one_cannot_be_opened) {
    const exchange seen;
    access_log log;
    EXPECT_FALSE(log.configure({"json", path("missing/access.log")}));
    EXPECT_FALSE(log.is_on());
    EXPECT_EQ(log.configure({"xml", path("access.log")}).error().code, errc::invalid);
    ASSERT_TRUE(log.configure({"json", path("access.log")}));
    EXPECT_FALSE(log.configure({"combined", path("missing/access.log")}));
    log.write(seen.entry());
    EXPECT_EQ(lines("access.log"), 1);
}

TEST_F(access_log_file, drops_lines_that_a_reader_has_no_room_for_and_goes_on_later) {
    const std::string fifo = path("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const unique_fd reader{::open(fifo.c_str(), O_RDONLY | O_NONBLOCK)};
    access_log log;
    ASSERT_TRUE(log.configure({"json", fifo}));
    const exchange seen;
    constexpr int more_than_fit = 10'000;
    for (int count = 0; count < more_than_fit; ++count) {
        log.write(seen.entry()); // never waits: nobody reads
    }
    std::string received;
    const auto read_all = [&] {
        std::array<char, 65536> buffer{};
        for (ssize_t bytes = 0; (bytes = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
            received.append(buffer.data(), static_cast<std::size_t>(bytes));
        }
    };
    read_all();
    const auto whole = std::count(received.begin(), received.end(), '\n');
    EXPECT_GT(whole, 10);
    EXPECT_LT(whole, more_than_fit);
    log.write(seen.entry());
    read_all();
    EXPECT_GT(std::count(received.begin(), received.end(), '\n'), whole);
    EXPECT_TRUE(received.ends_with("}\n"));
}

} // namespace
} // namespace msd::gateway
