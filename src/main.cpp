// SPDX-License-Identifier: Apache-2.0
#include "app/app.hpp"
#include "base/standard_descriptors.hpp"

#include <csignal>

int main(int argc, char** argv) {
    msd::open_standard_descriptors();
    // A file at its size limit (RLIMIT_FSIZE) fails the write and must not end the process.
    std::signal(SIGXFSZ, SIG_IGN);
    return msd::app::run(argc, argv);
}
