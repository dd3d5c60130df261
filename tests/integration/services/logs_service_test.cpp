// SPDX-License-Identifier: Apache-2.0
#include "integration/services/service_under_test.hpp"
#include "services/logs/rotated_file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>

namespace msd::test {
namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

class logs_service : public testing::Test {
protected:
    void log(const std::string& params) { logs_.text("POST", "/logs", params); }
    [[nodiscard]] std::filesystem::path file() const {
        return logs_.data_dir() / "logs" / "logs.3.jsonl";
    }

    service_under_test logs_{"logs"};
};

TEST_F(logs_service, accepts_any_value_and_sends_no_reply) {
    const auto& route = logs_.route_of("POST", "/logs");
    EXPECT_TRUE(route.one_way);
    EXPECT_TRUE(route.any_params);
}

TEST_F(logs_service, writes_each_line_as_json_with_its_time) {
    log(R"("{\"uri\":\"/goods\"}")");
    log("{\"a\" :\r\n [1,\n2], \"s\":\"x\\ny\"}");
    logs_.stop();
    const auto lines = lines_of(file());
    ASSERT_EQ(lines.size(), 2U);
    json::object first;
    ASSERT_TRUE(first.parse(lines[0]));
    EXPECT_EQ(first.find("params")->as_string(), R"({"uri":"/goods"})");
    EXPECT_TRUE(first.find("time")->as_string()->ends_with("Z"));
    json::object second;
    ASSERT_TRUE(second.parse(lines[1]));
    EXPECT_EQ(second.find("params")->text, "{\"a\" :   [1, 2], \"s\":\"x\\ny\"}");
}

TEST_F(logs_service, writes_lines_while_it_runs) {
    log(R"("line")");
    logs_.on().run_until([&] { return !lines_of(file()).empty(); });
}

// More lines than the buffer holds, faster than the flush interval.
TEST_F(logs_service, writes_at_once_when_the_buffer_is_full) {
    constexpr std::size_t lines = 60;
    const std::string large = "\"" + std::string(300 * 1024, 'x') + "\"";
    for (std::size_t i = 0; i < lines; ++i) {
        log(large);
    }
    logs_.stop();
    EXPECT_EQ(lines_of(file()).size(), lines);
}

TEST_F(logs_service, opens_a_new_file_when_the_file_was_moved_away) {
    log(R"("before")");
    logs_.on().run_until([&] { return !lines_of(file()).empty(); });
    std::filesystem::rename(file(), file().string() + ".moved");
    logs_.running().reopen();
    logs_.on().run_until([&] { return std::filesystem::exists(file()); });
    log(R"("after")");
    logs_.stop();
    EXPECT_EQ(lines_of(file()).size(), 1U);
}

TEST_F(logs_service, creates_files_that_only_its_user_can_read) {
    log("1");
    logs_.stop();
    struct stat facts {};
    ASSERT_EQ(::stat(file().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
    ASSERT_EQ(::stat(file().parent_path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0700U);
}

class rotated_file : public testing::Test {
protected:
    temporary_directory directory_;
    const std::filesystem::path path_ = directory_.path() / "f";
};

TEST_F(rotated_file, keeps_a_limited_number_of_files_of_limited_size) {
    services::rotated_file file{path_, {.bytes_max = 10, .files_max = 3}};
    for (const auto* const line :
         {"1234\n", "5678\n", "abcd\n", "efgh\n", "ijkl\n", "mnop\n", "z\n"}) {
        EXPECT_TRUE(file.append(line));
    }
    EXPECT_EQ(content_of(path_), "z\n");
    EXPECT_EQ(content_of(path_.string() + ".1"), "ijkl\nmnop\n");
    EXPECT_EQ(content_of(path_.string() + ".2"), "abcd\nefgh\n");
    EXPECT_FALSE(std::filesystem::exists(path_.string() + ".3"));
}

TEST_F(rotated_file, accepts_a_line_larger_than_the_file_limit) {
    services::rotated_file file{path_, {.bytes_max = 4, .files_max = 2}};
    EXPECT_TRUE(file.append("123456\n"));
    EXPECT_TRUE(file.append("1\n"));
    EXPECT_EQ(content_of(path_), "1\n");
    EXPECT_EQ(content_of(path_.string() + ".1"), "123456\n");
}

TEST_F(rotated_file, continues_in_the_new_file_when_another_process_rotated) {
    services::rotated_file mine{path_};
    EXPECT_TRUE(mine.append("a\n"));
    std::filesystem::rename(path_, path_.string() + ".1");
    EXPECT_TRUE(mine.append("b\n"));
    EXPECT_EQ(content_of(path_), "b\n");
}

TEST_F(rotated_file, starts_a_new_line_after_one_that_was_written_in_part) {
    services::rotated_file file{path_};
    ASSERT_TRUE(file.append("first\n"));
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    auto tight = limit;
    tight.rlim_cur = 10;
    ::setrlimit(RLIMIT_FSIZE, &tight);
    const auto cut = file.append("second\n");
    const auto none = file.append("third\n");
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, before);
    EXPECT_EQ(cut.error().code, errc::unavailable);
    EXPECT_FALSE(none);
    EXPECT_TRUE(file.append("fourth\n"));
    EXPECT_EQ(content_of(path_), "first\nseco\nfourth\n");
}

} // namespace
} // namespace msd::test
