// SPDX-License-Identifier: Apache-2.0
#include "integration/process/running_master.hpp"
#include "integration/process/test_worker.hpp"
#include "process/inherited_worker.hpp"

#include <gtest/gtest.h>

// A master executes its own program. So this program contains the tests, the workers of the masters
// under test, and the masters that take over.
int main(int argc, char** argv) {
    if (const auto code = msd::process::resume_master_under_test()) {
        return *code;
    }
    const auto own = msd::process::inherited_worker();
    if (!own) {
        return 1;
    }
    if (*own && argc == 3) {
        return msd::process::run_test_worker(**own, argv[1], argv[2]);
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
