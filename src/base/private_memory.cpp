// SPDX-License-Identifier: Apache-2.0
#include "base/private_memory.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace msd {

std::uint64_t private_memory_bytes() {
    std::ifstream file{"/proc/self/smaps_rollup"};
    std::uint64_t sum_kib = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:")) {
            std::istringstream words{line.substr(line.find(':') + 1)};
            std::uint64_t kib = 0;
            words >> kib;
            sum_kib += kib;
        }
    }
    return sum_kib * 1024;
}

} // namespace msd
