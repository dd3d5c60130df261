// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

namespace msd::log {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

class log_file : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "msd-log-XXXXXX").string();
        path_ = std::filesystem::path{::mkdtemp(pattern.data())} / "msd.log";
    }

    void TearDown() override {
        set_shipper({});
        configure({});
        std::error_code ignored;
        std::filesystem::remove_all(path_.parent_path(), ignored);
    }

    void log_to_file(format style, level threshold = level::info) {
        configure({threshold, style, path_.string(), "gateway", 2});
    }

    [[nodiscard]] std::string content() const {
        std::ifstream file{path_};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    std::filesystem::path path_;
};

TEST_F(log_file, writes_text_lines) {
    log_to_file(format::text);
    info("{} workers", 4);
    EXPECT_THAT(
        content(),
        MatchesRegex(
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info "
            "gateway\\[2\\] " +
            std::to_string(::getpid()) + " 4 workers\n"
        )
    );
}

TEST_F(log_file, writes_json_lines) {
    log_to_file(format::json);
    warning("a \"b\"\n\xFF\u202E");
    json::object line;
    const std::string text = content();
    ASSERT_TRUE(line.parse(text));
    EXPECT_EQ(line.find("level")->as_string(), "warning");
    EXPECT_EQ(line.find("role")->as_string(), "gateway");
    EXPECT_EQ(line.find("slot")->as_int64(), 2);
    EXPECT_EQ(line.find("pid")->as_int64(), ::getpid());
    EXPECT_EQ(line.find("message")->as_string(), "a \"b\"\n\uFFFD\u202E");
    EXPECT_THAT(text, HasSubstr("\\u202e"));
    EXPECT_THAT(line.find("time")->as_string().value_or(""), EndsWith("Z"));
}

TEST_F(log_file, escapes_line_breaks_and_control_characters) {
    log_to_file(format::text);
    info("{}", "a\nb\r\t\x1B[31m\x7F\u009B\xFFé");
    EXPECT_THAT(content(), EndsWith(" a\\nb\\x0d\\t\\x1b[31m\\x7f\\x9b\uFFFDé\n"));
}

TEST_F(log_file, masks_secrets_in_written_and_in_shipped_lines) {
    std::string shipped;
    set_shipper([&shipped](std::string_view line) { shipped = line; });
    log_to_file(format::text);
    info("GET /members?username=a&password={} failed", "hunter2");
    EXPECT_THAT(content(), EndsWith("GET /members?username=a&password=*** failed\n"));
    EXPECT_THAT(shipped, HasSubstr("password=*** failed"));
}

TEST_F(log_file, writes_only_lines_at_or_above_the_threshold) {
    log_to_file(format::text, level::warning);
    info("quiet");
    error("loud");
    EXPECT_FALSE(enabled(level::info));
    EXPECT_TRUE(enabled(level::error));
    EXPECT_FALSE(enabled(level::off));
    EXPECT_THAT(content(), EndsWith(" loud\n"));
    EXPECT_THAT(content(), Not(HasSubstr("quiet")));
}

TEST_F(log_file, continues_in_a_new_file_after_reopen) {
    log_to_file(format::text);
    info("old");
    std::filesystem::rename(path_, path_.string() + ".1");
    reopen();
    info("new");
    EXPECT_THAT(content(), EndsWith(" new\n"));
    EXPECT_THAT(content(), Not(HasSubstr("old")));
}

TEST_F(log_file, is_accessible_to_its_owner_only) {
    log_to_file(format::text);
    EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms{0600});
}

TEST_F(log_file, continues_in_the_old_file_when_the_new_one_cannot_be_opened) {
    log_to_file(format::text);
    const auto moved = path_.parent_path().string() + ".moved";
    std::filesystem::rename(path_.parent_path(), moved);
    reopen();
    info("after");
    std::filesystem::rename(moved, path_.parent_path());
    EXPECT_THAT(
        content(),
        MatchesRegex(
            ".* error .* cannot log to " + path_.string() + ": there is no directory " +
            path_.parent_path().string() +
            "; create it first; logging continues to the old file\n.* after\n"
        )
    );
}

TEST_F(log_file, contains_only_whole_lines_when_several_processes_write) {
    log_to_file(format::text);
    constexpr int lines = 200;
    const std::string long_text(6000, 'x'); // more than a page and than PIPE_BUF
    for (const char who : {'a', 'b', 'c'}) {
        if (::fork() == 0) {
            for (int line = 0; line < lines; ++line) {
                info("{}{}", who, long_text);
            }
            ::_exit(0);
        }
    }
    while (::wait(nullptr) > 0) {
    }
    std::ifstream file{path_};
    int whole = 0;
    for (std::string line; std::getline(file, line);) {
        whole += line.size() > long_text.size() && line.ends_with(long_text) ? 1 : 0;
    }
    EXPECT_EQ(whole, 3 * lines);
}

TEST_F(log_file, truncates_a_very_long_message) {
    log_to_file(format::text);
    write(level::info, std::string(1 << 20, 'x'));
    EXPECT_LT(content().size(), 20'000U);
}

TEST_F(log_file, ships_lines_of_info_and_above_as_json) {
    log_to_file(format::text, level::debug);
    std::vector<std::string> shipped;
    set_shipper([&](std::string_view line) { shipped.emplace_back(line); });
    debug("small");
    info("large");
    set_shipper({});
    info("later");
    ASSERT_EQ(shipped.size(), 1U);
    json::object line;
    ASSERT_TRUE(line.parse(shipped[0]));
    EXPECT_EQ(line.find("message")->as_string(), "large");
    EXPECT_NE(line.find("host"), nullptr);
}

TEST(log, parses_the_names_of_levels) {
    level found = level::trace;
    EXPECT_TRUE(parse_level("warning", found));
    EXPECT_EQ(found, level::warning);
    EXPECT_TRUE(parse_level("off", found));
    EXPECT_FALSE(parse_level("Warning", found));
    EXPECT_FALSE(parse_level("", found));
}

TEST_F(log_file, is_kept_when_another_file_cannot_be_opened) {
    log_to_file(format::text);
    const auto done =
        configure({level::error, format::text, path_.parent_path() / "no/such/file", "x", -1});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, errc::unavailable);
    EXPECT_THAT(done.error().text, EndsWith("/no/such; create it first"));
    EXPECT_FALSE(std::filesystem::exists(path_.parent_path() / "no"));
    info("still heard");
    EXPECT_THAT(content(), EndsWith(" still heard\n"));
}

TEST_F(log_file, reports_why_it_cannot_be_opened) {
    const auto done = configure({level::info, format::text, path_.parent_path(), "x", -1});
    ASSERT_FALSE(done);
    EXPECT_EQ(
        done.error().text,
        "cannot log to " + path_.parent_path().string() + ": Is a directory"
    );
}

// Directs descriptor 1 or 2 of this process to a pipe while a test runs.
class log_stream : public testing::Test {
protected:
    void SetUp() override {
        std::array<int, 2> pair{};
        ASSERT_EQ(::pipe2(pair.data(), O_CLOEXEC), 0);
        reading_.reset(pair[0]);
        writing_.reset(pair[1]);
        ::fcntl(reading_.get(), F_SETFL, O_NONBLOCK);
    }

    void TearDown() override {
        ::unsetenv("JOURNAL_STREAM");
        configure({});
    }

    // Runs `done` while descriptor `fd` is the pipe.
    void with(int fd, const std::function<void()>& done) const {
        const unique_fd kept{::dup(fd)};
        ::dup2(writing_.get(), fd);
        done();
        ::dup2(kept.get(), fd);
    }

    void claim_journal_reads() const {
        struct stat facts {};
        ::fstat(writing_.get(), &facts);
        const std::string name = fmt::format("{}:{}", facts.st_dev, facts.st_ino);
        ::setenv("JOURNAL_STREAM", name.c_str(), 1);
    }

    [[nodiscard]] std::string read_all() const {
        std::string all;
        std::array<char, 4096> buffer{};
        for (ssize_t got = 0; (got = ::read(reading_.get(), buffer.data(), buffer.size())) > 0;) {
            all.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

    unique_fd reading_;
    unique_fd writing_;
};

TEST_F(log_stream, is_standard_error_by_each_of_its_names) {
    for (const char* const name : {"", "-", "/dev/stderr", "/proc/self/fd/2"}) {
        with(STDERR_FILENO, [name] {
            ASSERT_TRUE(configure({level::info, format::text, name, "master", -1}));
            info("via {}", name);
            reopen();
            info("again");
        });
        EXPECT_THAT(read_all(), MatchesRegex(fmt::format(".* via {}\n.* again\n", name)));
    }
}

TEST_F(log_stream, is_standard_output_by_each_of_its_names) {
    for (const char* const name : {"/dev/stdout", "/dev/fd/1"}) {
        with(STDOUT_FILENO, [name] {
            ASSERT_TRUE(configure({level::info, format::text, name, "master", -1}));
            info("heard");
        });
        EXPECT_THAT(read_all(), EndsWith(" heard\n"));
    }
}

TEST_F(log_stream, drops_lines_while_the_pipe_is_full_and_then_reports_their_count) {
    with(STDERR_FILENO, [this] {
        ASSERT_TRUE(configure({level::info, format::text, {}, "master", -1}));
        for (int line = 0; line < 2000; ++line) {
            info("{:0>100}", line); // many times the size of the pipe
        }
        const std::string before = read_all();
        const auto written = std::count(before.begin(), before.end(), '\n');
        EXPECT_GT(written, 10);
        EXPECT_LT(written, 2000);
        EXPECT_THAT(before, Not(HasSubstr("dropped")));
        retry();
        const std::string report = fmt::format(
            " warning master {} {} log lines were dropped: their reader was too slow\n",
            ::getpid(),
            2000 - written
        );
        EXPECT_THAT(read_all(), EndsWith(report));
        retry();
        info("afterwards");
        EXPECT_THAT(read_all(), EndsWith(" afterwards\n"));
    });
}

TEST_F(log_stream, gives_the_journal_a_priority_instead_of_a_timestamp) {
    claim_journal_reads();
    with(STDERR_FILENO, [] {
        ASSERT_TRUE(configure({level::debug, format::text, {}, "master", -1}));
        error("a");
        warning("b");
        info("c");
        debug("d");
        complain("e\nf\x1B");
        write_error("g\nh\x1B");
    });
    const std::string pid = std::to_string(::getpid());
    EXPECT_EQ(
        read_all(),
        "<3>error master " + pid + " a\n<4>warning master " + pid + " b\n<6>info master " + pid +
            " c\n<7>debug master " + pid + " d\n<3>msd: e\\nf\\x1b\n<3>g\n<3>h\\x1b\n"
    );
}

TEST_F(log_stream, gives_the_journal_a_priority_before_a_json_line) {
    claim_journal_reads();
    with(STDERR_FILENO, [] {
        ASSERT_TRUE(configure({level::info, format::json, {}, "master", -1}));
        warning("a");
    });
    EXPECT_EQ(
        read_all(),
        fmt::format(
            R"(<4>{{"level":"warning","role":"master","pid":{},"message":"a"}})"
            "\n",
            ::getpid()
        )
    );
}

TEST_F(log_stream, is_not_written_for_the_journal_when_the_journal_reads_another_stream) {
    ::setenv("JOURNAL_STREAM", "1:2", 1);
    with(STDERR_FILENO, [] {
        ASSERT_TRUE(configure({level::info, format::text, {}, "master", -1}));
        info("a");
        complain("b");
    });
    EXPECT_THAT(read_all(), MatchesRegex("2[0-9-]+T.* info master .*a\nmsd: b\n"));
}

TEST_F(log_file, drops_lines_that_do_not_fit_on_the_disk_and_then_reports_their_count) {
    log_to_file(format::text);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 200;
    ::setrlimit(RLIMIT_FSIZE, &small);
    info("{}", std::string(50, 'x'));
    info("{}", std::string(500, 'y'));
    info("{}", std::string(500, 'z'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_DFL);
    info("room again");
    EXPECT_THAT(
        content(),
        MatchesRegex(".* x{50}\n.* y+\n.* warning gateway\\[2\\] [0-9]+ 2 log lines were dropped: "
                     "File too large\n.* room again\n")
    );
}

TEST_F(log_file, can_be_a_fifo_that_a_process_reads) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    const auto unread = configure({level::info, format::text, path_, "x", -1});
    ASSERT_FALSE(unread);
    EXPECT_EQ(
        unread.error().text,
        "cannot log to " + path_.string() + ": no process reads it; start its reader first"
    );
    const unique_fd reader{::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    log_to_file(format::text);
    info("heard");
    std::array<char, 1000> text{};
    const ssize_t got = ::read(reader.get(), text.data(), text.size());
    EXPECT_THAT(std::string(text.data(), static_cast<std::size_t>(got)), EndsWith(" heard\n"));
}

} // namespace
} // namespace msd::log
