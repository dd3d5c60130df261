// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace msd::process {

// Creates a directory and removes it after the test.
class own_directory : public testing::Test {
protected:
    own_directory() {
        std::string path = testing::TempDir() + "msd-files-XXXXXX";
        EXPECT_NE(mkdtemp(path.data()), nullptr);
        path_ = path;
    }
    ~own_directory() override { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

} // namespace msd::process
