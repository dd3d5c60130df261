// SPDX-License-Identifier: Apache-2.0
#include "app/complaint.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace msd::app {

namespace {

constexpr std::string_view error_priority = "<3>";

bool is_stderr_journal() {
    const char* const said = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe)
    return said != nullptr && is_journal_stream(said, STDERR_FILENO);
}

} // namespace

bool is_journal_stream(std::string_view said, int descriptor) {
    struct stat facts {};
    return fstat(descriptor, &facts) == 0 &&
           said == fmt::format("{}:{}", facts.st_dev, facts.st_ino);
}

std::string with_error_priority(std::string_view text) {
    std::string made;
    while (!text.empty()) {
        const auto length = std::min(text.find('\n'), text.size() - 1) + 1;
        made.append(error_priority).append(text.substr(0, length));
        text.remove_prefix(length);
    }
    return made;
}

void write_error(std::string_view text) {
    std::string line = is_stderr_journal() ? with_error_priority(text) : std::string{text};
    if (!line.ends_with('\n')) {
        line += '\n';
    }
    std::fwrite(line.data(), 1, line.size(), stderr);
}

void complain(std::string_view text) {
    write_error(fmt::format("msd: {}", text));
}

} // namespace msd::app
