// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

// Runs a fuzz target over the files of a directory: each file as it is, and without its end and
// without its beginning, cut at up to cuts_max places. Every input is in memory of exactly its
// size, so that a sanitizer detects a read beyond it.

namespace {

constexpr std::size_t cuts_max = 256; // per file

using bytes = std::vector<std::uint8_t>;

bytes content_of(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void run(const std::uint8_t* data, std::size_t size) {
    const bytes exact{data, data + size};
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_whole_and_cut(const bytes& input) {
    run(input.data(), input.size());
    const std::size_t step = std::max<std::size_t>(1, input.size() / cuts_max);
    for (std::size_t cut = 0; cut < input.size(); cut += step) {
        run(input.data(), cut);
        run(input.data() + cut, input.size() - cut);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: replay CORPUS_DIRECTORY\n", stderr);
        return 2;
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{argv[1]}) {
        std::printf("%s\n", entry.path().filename().c_str());
        std::fflush(stdout); // so that the file is named when the target ends the process
        run_whole_and_cut(content_of(entry.path()));
        ++files;
    }
    if (files == 0) {
        std::fputs("the corpus is empty\n", stderr);
        return 1;
    }
    return 0;
}
