// SPDX-License-Identifier: Apache-2.0
#include "base/line_writer.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <termios.h>

namespace msd {
namespace {

struct ends {
    unique_fd reading;
    unique_fd writing;
};

// Reads all bytes that are in the pipe or socket now, without waiting for more.
std::string read_all(const ends& from) {
    fcntl(from.reading.get(), F_SETFL, O_NONBLOCK);
    std::string all;
    std::array<char, 65536> buffer{};
    for (ssize_t got = 0; (got = read(from.reading.get(), buffer.data(), buffer.size())) > 0;) {
        all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return all;
}

ends pipe_with(int flags) {
    std::array<int, 2> pair{};
    EXPECT_EQ(pipe2(pair.data(), flags | O_CLOEXEC), 0);
    return {unique_fd{pair[0]}, unique_fd{pair[1]}};
}

ends stream_sockets() {
    std::array<int, 2> pair{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    return {unique_fd{pair[0]}, unique_fd{pair[1]}};
}

// A pseudo terminal: bytes that are written to its slave side are read from its master side.
ends terminal() {
    ends made{unique_fd{posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)}, {}};
    EXPECT_EQ(grantpt(made.reading.get()), 0);
    EXPECT_EQ(unlockpt(made.reading.get()), 0);
    std::array<char, 64> name{};
    EXPECT_EQ(ptsname_r(made.reading.get(), name.data(), name.size()), 0);
    made.writing.reset(open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    return made;
}

// Writes until the reader's buffer is full. A write that waited for the reader would never return.
void fill(const ends& to, const std::string& line) {
    line_writer writer{to.writing.get()};
    int why = 0;
    while (why == 0) {
        why = writer.write(line);
    }
    EXPECT_EQ(why, EAGAIN);
    const std::string read_back = read_all(to);
    EXPECT_NE(read_back.find("x"), std::string::npos);
    EXPECT_EQ(writer.write("after\n"), 0);
    const std::string later = read_all(to);
    EXPECT_NE(later.find("after"), std::string::npos);
}

TEST(line_writer, does_not_wait_for_the_reader_of_a_pipe_shared_with_other_writers) {
    fill(pipe_with(0), std::string(100, 'x') + '\n');
    fill(pipe_with(0), std::string(9000, 'x') + '\n');
    const ends shared = pipe_with(0);
    fill(shared, "x\n");
    EXPECT_EQ(fcntl(shared.writing.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(line_writer, does_not_wait_for_the_reader_of_a_nonblocking_pipe) {
    fill(pipe_with(O_NONBLOCK), std::string(100, 'x') + '\n');
    fill(pipe_with(O_NONBLOCK), std::string(9000, 'x') + '\n');
}

TEST(line_writer, does_not_wait_for_the_reader_of_a_socket) {
    fill(stream_sockets(), std::string(100, 'x') + '\n');
}

TEST(line_writer, does_not_wait_for_a_stopped_terminal) {
    const ends shown = terminal();
    tcflow(shown.writing.get(), TCOOFF);
    EXPECT_EQ(line_writer{shown.writing.get()}.write("x\n"), EAGAIN);
    tcflow(shown.writing.get(), TCOON);
    EXPECT_EQ(line_writer{shown.writing.get()}.write("y\n"), 0);
}

TEST(line_writer, reports_that_the_reader_is_gone) {
    std::signal(SIGPIPE, SIG_IGN);
    ends gone = pipe_with(0);
    gone.reading.reset();
    EXPECT_EQ(line_writer{gone.writing.get()}.write("x\n"), EPIPE);
    ends closed = stream_sockets();
    closed.reading.reset();
    EXPECT_EQ(line_writer{closed.writing.get()}.write("x\n"), EPIPE);
    std::signal(SIGPIPE, SIG_DFL);
}

TEST(line_writer, starts_a_new_line_after_a_partly_written_line) {
    std::string path = testing::TempDir() + "msd-line-XXXXXX";
    line_writer writer{unique_fd{mkostemp(path.data(), O_APPEND | O_CLOEXEC)}};
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &small);
    const int first = writer.write("0123456789abcdef\n");
    const int second = writer.write("lost\n");
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_DFL);
    EXPECT_EQ(first, EFBIG);
    EXPECT_EQ(second, EFBIG);
    EXPECT_EQ(writer.write("whole\n"), 0);
    const ends file{unique_fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)}, {}};
    EXPECT_EQ(read_all(file), "0123456789\nwhole\n");
    unlink(path.c_str());
}

} // namespace
} // namespace msd
