// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <gtest/gtest.h>

namespace msd::test {

// While the object lives, this process can allocate only a few MiB more: less than the 19 MiB that
// argon2id needs.
class little_memory {
public:
    little_memory() {
        EXPECT_EQ(getrlimit(RLIMIT_AS, &before_), 0);
        rlim_t pages = 0;
        std::ifstream{"/proc/self/statm"} >> pages;
        constexpr rlim_t more = rlim_t{6} << 20U;
        rlimit little = before_;
        little.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + more;
        EXPECT_EQ(setrlimit(RLIMIT_AS, &little), 0);
    }
    ~little_memory() { EXPECT_EQ(setrlimit(RLIMIT_AS, &before_), 0); }
    little_memory(const little_memory&) = delete;
    little_memory& operator=(const little_memory&) = delete;

private:
    rlimit before_{};
};

} // namespace msd::test
