// SPDX-License-Identifier: Apache-2.0
// Usage: `msd_bench_store DIRECTORY SECONDS [URL]`, with the password in MSD_STORE_PASSWORD. Prints
// lines of `name<TAB>value<TAB>unit`.
#include "store_bench.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

void print(const std::vector<msd::bench::figure>& figures) {
    for (const auto& [name, value, unit] : figures) {
        std::printf("%s\t%f\t%s\n", name.c_str(), value, unit.c_str());
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: msd_bench_store DIRECTORY SECONDS [URL]\n", stderr);
        return 2;
    }
    try {
        const std::chrono::seconds each{std::atoi(argv[2])};
        print(msd::bench::sqlite_writes(argv[1], each));
        if (argc > 3) {
            const char* const password = std::getenv("MSD_STORE_PASSWORD");
            print(msd::bench::mysql_reads(argv[3], password == nullptr ? "" : password, each));
        }
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "msd_bench_store: %s\n", failed.what());
        return 1;
    }
    return 0;
}
