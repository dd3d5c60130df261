// SPDX-License-Identifier: Apache-2.0
#include "base/standard_descriptors.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <gtest/gtest.h>
#include <initializer_list>

namespace msd {
namespace {

// Runs `condition` in a child process, so that the test program keeps its own descriptors.
bool holds_in_child(const std::function<bool()>& condition) {
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(condition() ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_null_device(int fd) {
    struct stat wanted {};
    struct stat facts {};
    return stat("/dev/null", &wanted) == 0 && fstat(fd, &facts) == 0 &&
           facts.st_rdev == wanted.st_rdev && S_ISCHR(facts.st_mode);
}

TEST(standard_descriptors, are_opened_on_the_null_device_when_they_were_closed) {
    for (const int missing : {1, 2, 4, 3, 5, 6, 7}) { // one bit for each descriptor
        EXPECT_TRUE(holds_in_child([missing] {
            std::array<int, 2> pair{};
            if (pipe(pair.data()) != 0) {
                return false;
            }
            for (int fd = 0; fd < 3; ++fd) {
                dup2(pair[1], fd);
                if (((missing >> fd) & 1) != 0) {
                    close(fd);
                }
            }
            open_standard_descriptors();
            for (int fd = 0; fd < 3; ++fd) {
                const bool was_missing = ((missing >> fd) & 1) != 0;
                if (is_null_device(fd) != was_missing || fcntl(fd, F_GETFD) != 0) {
                    return false;
                }
            }
            return true;
        })) << missing;
    }
}

TEST(standard_descriptors, become_nonblocking_without_changing_other_users_of_the_pipe) {
    EXPECT_TRUE(holds_in_child([] {
        std::array<int, 2> pair{};
        if (pipe(pair.data()) != 0 || dup2(pair[1], STDERR_FILENO) < 0) {
            return false;
        }
        make_standard_descriptor_nonblocking(STDERR_FILENO);
        const bool is_own_nonblocking = (fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) != 0;
        const bool is_shared_blocking = (fcntl(pair[1], F_GETFL) & O_NONBLOCK) == 0;
        const bool is_written = write(STDERR_FILENO, "x", 1) == 1;
        char text = 0;
        return is_own_nonblocking && is_shared_blocking && is_written &&
               read(pair[0], &text, 1) == 1 && text == 'x' && fcntl(STDERR_FILENO, F_GETFD) == 0;
    }));
}

TEST(standard_descriptors, stay_blocking_when_they_are_files) {
    EXPECT_TRUE(holds_in_child([] {
        const unique_fd file{open("/tmp", O_TMPFILE | O_RDWR, 0600)};
        if (!file || dup2(file.get(), STDERR_FILENO) < 0) {
            return false;
        }
        make_standard_descriptor_nonblocking(STDERR_FILENO);
        return (fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0;
    }));
}

} // namespace
} // namespace msd
