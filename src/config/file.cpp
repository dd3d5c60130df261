// SPDX-License-Identifier: Apache-2.0
#include "config/file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace msd::config {

result<std::string> read_text(const std::filesystem::path& path) {
    constexpr std::size_t part_bytes = std::size_t{64} * 1024;
    std::ifstream file{path, std::ios::binary};
    std::string text;
    std::size_t read = 0;
    while (file && text.size() <= file_bytes_max) {
        text.resize(read + part_bytes);
        file.read(text.data() + read, static_cast<std::streamsize>(part_bytes));
        read += static_cast<std::size_t>(file.gcount());
        text.resize(read);
    }
    // A directory can be opened, but not read.
    if (file.bad() || !file.is_open()) {
        const int reason = file.is_open() ? EISDIR : errno;
        return fail(
            errc::invalid,
            fmt::format("{}: {}", path.native(), std::generic_category().message(reason))
        );
    }
    if (text.size() > file_bytes_max) {
        return fail(
            errc::invalid,
            fmt::format("{}: larger than {} bytes", path.native(), file_bytes_max)
        );
    }
    return text;
}

} // namespace msd::config
