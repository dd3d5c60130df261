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

services::sender client_at(std::string address) {
    services::sender from;
    from.client = std::move(address);
    from.address = "127.0.0.1";
    from.name = "gate";
    from.is_gateway = true;
    return from;
}

services::sender node_at(std::string address) {
    services::sender from;
    from.address = std::move(address);
    return from;
}

services::sender msd_node() {
    services::sender from = node_at("127.0.0.1");
    from.name = "goods";
    from.is_trusted = from.is_local = true;
    return from;
}

// Small quotas, so that tests reach them with little data.
services::log_settings small() {
    services::log_settings out;
    for (services::log_quota* const each : {&out.client, &out.node, &out.msd}) {
        *each = {300, 500, 4000, 2};
    }
    out.line_bytes_max = 1000;
    return out;
}

class logs_service : public testing::Test {
protected:
    void log(const std::string& params) { logs_.text("POST", "/logs", params); }
    void log_from(services::sender from, const std::string& params) {
        logs_.from = std::move(from);
        log(params);
    }
    [[nodiscard]] static std::filesystem::path
    file_of(const test::service_under_test& service, const std::string& family) {
        return service.data_dir() / "logs" / (family + ".3.jsonl");
    }
    [[nodiscard]] std::filesystem::path file() const { return file_of(logs_, "node"); }

    service_under_test logs_{"logs"};
};

TEST_F(logs_service, accepts_any_value_and_sends_no_reply) {
    const auto& route = logs_.route_of("POST", "/logs");
    EXPECT_TRUE(route.one_way);
    EXPECT_TRUE(route.any_params);
    EXPECT_TRUE(route.wants_client);
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

TEST_F(logs_service, keeps_lines_of_clients_nodes_and_msd_apart_by_their_connection) {
    log_from(client_at("10.0.0.7"), R"({"source":"msd","from":"1.1.1.1","name":"goods"})");
    log_from(client_at(""), "1");
    log_from(node_at("10.0.0.8"), R"({"source":"msd"})");
    log_from(msd_node(), R"({"role":"goods"})");
    auto unproven = msd_node();
    unproven.is_trusted = false;
    log_from(std::move(unproven), "2");
    auto pretender = client_at("10.0.0.9"); // says that it is a gateway, and is trusted
    pretender.is_trusted = true;
    log_from(std::move(pretender), "3");
    logs_.stop();
    const auto without_time = [this](const std::string& family) {
        std::vector<std::string> out;
        for (const std::string& line : lines_of(file_of(logs_, family))) {
            out.push_back(line.substr(line.find(R"("source")")));
        }
        return out;
    };
    EXPECT_EQ(
        without_time("client"),
        (std::vector<std::string>{
            R"("source":"client","from":"10.0.0.7","params":)"
            R"({"source":"msd","from":"1.1.1.1","name":"goods"}})",
            R"("source":"client","from":"127.0.0.1","params":1})",
            R"("source":"client","from":"10.0.0.9","params":3})"})
    );
    EXPECT_EQ(
        without_time("node"),
        (std::vector<std::string>{
            R"("source":"node","from":"10.0.0.8","params":{"source":"msd"}})",
            R"("source":"node","from":"127.0.0.1","name":"goods","params":2})"})
    );
    EXPECT_EQ(
        without_time("msd"),
        std::vector<std::string>{R"("source":"msd","from":"127.0.0.1","name":"goods",)"
                                 R"("proven":false,"params":{"role":"goods"}})"}
    );
}

TEST_F(logs_service, masks_secrets_and_escapes_what_controls_a_terminal) {
    log("{\"url\":\"/x?api_key=k\",\"Set-Cookie\":\"c\",\"text\":\"\u009b31m\u2028\u202eabc\x7f\"}"
    );
    logs_.stop();
    const std::string text = content_of(file());
    EXPECT_NE(
        text.find(
            R"({"url":"/x?api_key=***","Set-Cookie":"***","text":"\u009b31m\u2028\u202eabc\u007f"})"
        ),
        std::string::npos
    ) << text;
}

TEST_F(logs_service, cuts_a_line_that_is_too_long) {
    service_under_test small_logs{"logs", small()};
    const std::string begin = R"({"password":"hunter2","text":")";
    small_logs.text("POST", "/logs", begin + std::string(1200, 'x') + "\"}");
    small_logs.stop();
    json::object line;
    const std::string text = content_of(file_of(small_logs, "node"));
    ASSERT_TRUE(line.parse(std::string_view{text}.substr(0, text.size() - 1))) << text;
    EXPECT_EQ(line.find("cut_from")->as_int64(), 1232);
    const std::string params = line.find("params")->as_string().value_or("");
    EXPECT_TRUE(params.starts_with(R"({"password":"***","text":"xxx)")) << params;
    EXPECT_LE(params.size(), 1000U);
}

TEST_F(logs_service, drops_and_counts_lines_over_the_quota_of_their_address_and_of_their_source) {
    service_under_test small_logs{"logs", small()};
    testing::internal::CaptureStderr();
    const std::string line = '"' + std::string(998, 'x') + '"';
    const auto flood = [&](const services::sender& from, int lines) {
        small_logs.from = from;
        for (int i = 0; i < lines; ++i) {
            small_logs.text("POST", "/logs", line);
        }
    };
    flood(client_at("10.0.0.1"), 20); // 3 lines are the burst of an address
    flood(client_at("10.0.0.2"), 10); // 2 fit the burst of all clients
    flood(client_at("10.0.0.3"), 10);
    flood(node_at("10.0.0.1"), 1);
    flood(msd_node(), 1);
    std::string figures;
    json::writer out{figures};
    out.begin_object();
    small_logs.running().write_figures(out);
    out.end_object();
    EXPECT_EQ(figures, R"({"lines_dropped":{"client":35,"node":0,"msd":0}})");
    small_logs.stop();
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find("35 log lines (35000 bytes) of source client exceeded"), log.npos) << log;
    EXPECT_NE(log.find("most of them from 10.0.0.1"), log.npos) << log;
    const auto kept = lines_of(file_of(small_logs, "client"));
    ASSERT_FALSE(kept.empty());
    EXPECT_NE(
        kept.back().find(R"("source":"client","dropped":{"lines":35,"bytes":35000,)"
                         R"("most_from":"10.0.0.1"}})"),
        std::string::npos
    ) << kept.back();
    EXPECT_EQ(lines_of(file_of(small_logs, "node")).size(), 1U);
    EXPECT_EQ(lines_of(file_of(small_logs, "msd")).size(), 1U);
}

TEST_F(logs_service, writes_lines_while_it_runs) {
    log(R"("line")");
    logs_.on().run_until([&] { return !lines_of(file()).empty(); });
}

// More lines than the buffer holds, faster than the flush interval.
TEST_F(logs_service, writes_at_once_when_the_buffer_is_full) {
    constexpr std::size_t lines = 60;
    services::log_settings wide;
    wide.node.address_bytes_per_s = wide.node.bytes_per_s = 0;
    wide.line_bytes_max = std::size_t{1} << 20;
    service_under_test wide_logs{"logs", wide};
    const std::string large = "\"" + std::string(300 * 1024, 'x') + "\"";
    for (std::size_t i = 0; i < lines; ++i) {
        wide_logs.text("POST", "/logs", large);
    }
    wide_logs.stop();
    std::size_t found = lines_of(file_of(wide_logs, "node")).size();
    found += lines_of(file_of(wide_logs, "node").string() + ".1").size();
    EXPECT_EQ(found, lines);
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

TEST_F(rotated_file, stays_within_its_limits_when_it_gets_much_at_once) {
    constexpr std::size_t file_bytes = std::size_t{300} << 10;
    services::rotated_file file{path_, {.bytes_max = file_bytes, .files_max = 2}};
    std::string lines;
    for (int i = 0; i < 2000; ++i) {
        lines += std::string(1000, 'x') + '\n';
    }
    EXPECT_TRUE(file.append(lines));
    EXPECT_LE(std::filesystem::file_size(path_), file_bytes);
    EXPECT_LE(std::filesystem::file_size(path_.string() + ".1"), file_bytes);
    EXPECT_EQ(content_of(path_).size() % 1001, 0U) << "whole lines";
    services::rotated_file single{path_, {.bytes_max = file_bytes, .files_max = 1}};
    EXPECT_TRUE(single.append(lines));
    EXPECT_LE(std::filesystem::file_size(path_), file_bytes);
}

TEST_F(rotated_file, deletes_one_file_of_an_earlier_version_with_each_rotation) {
    const auto older = directory_.path() / "old";
    for (const auto* const name : {"old", "old.1", "old.5"}) {
        std::ofstream{directory_.path() / name} << "x";
    }
    services::rotated_file file{path_, {.bytes_max = 4, .files_max = 2, .older = older}};
    EXPECT_TRUE(file.append("123\n"));
    EXPECT_TRUE(std::filesystem::exists(older.string() + ".5"));
    EXPECT_TRUE(file.append("123\n"));
    EXPECT_FALSE(std::filesystem::exists(older.string() + ".5"));
    EXPECT_TRUE(file.append("123\n"));
    EXPECT_FALSE(std::filesystem::exists(older.string() + ".1"));
    EXPECT_TRUE(std::filesystem::exists(older));
    EXPECT_TRUE(file.append("123\n"));
    EXPECT_FALSE(std::filesystem::exists(older));
}

TEST_F(rotated_file, does_not_follow_a_symbolic_link) {
    const auto target = directory_.path() / "target";
    std::ofstream{target} << "x";
    std::filesystem::create_symlink(target, path_);
    services::rotated_file file{path_};
    EXPECT_FALSE(file.append("line\n"));
    EXPECT_EQ(content_of(target), "x");
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
