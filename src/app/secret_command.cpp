// SPDX-License-Identifier: Apache-2.0
#include "app/secret_command.hpp"

#include "app/resolve.hpp"
#include "base/hmac.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

namespace msd::app {

namespace {

int failed(const std::string& file, int why) {
    if (why == EEXIST) {
        log::complain(fmt::format(
            "{} exists and is not changed: give another name, and list both files in "
            "registry.secret_file while the old secret is replaced (msd(8), The cluster secret)",
            file
        ));
    } else {
        log::complain(fmt::format("cannot write {}: {}", file, std::generic_category().message(why))
        );
    }
    return exit_failed;
}

} // namespace

int make_secret(const command_line& command) {
    const std::string& file = command.file;
    const unique_fd made{::open(
        file.c_str(),
        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        S_IRUSR | S_IWUSR
    )};
    if (!made) {
        return failed(file, errno);
    }
    const std::string line = hex_of(random_bytes()) + "\n";
    const auto written = ::write(made.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size()) || ::fsync(made.get()) != 0) {
        const int why =
            written >= 0 && written < static_cast<ssize_t>(line.size()) ? ENOSPC : errno;
        ::unlink(file.c_str());
        return failed(file, why);
    }
    std::error_code ignored;
    const auto full = std::filesystem::absolute(file, ignored);
    fmt::print(
        "A new cluster secret is in {0}; only its owner can read it.\n"
        "  1. Copy the file to every host of the cluster over a channel that nobody can read "
        "(scp), "
        "and\n"
        "     make it readable for the user that msd runs as, or for a group (mode 640).\n"
        "  2. Set it at every node, and for msd nodes, routes and call:\n"
        "       [registry]\n"
        "       secret_file = \"{0}\"\n"
        "  3. Restart the nodes. Existing nodes of protocol 1 need an entry in "
        "registry.foreign_allowed.\n"
        "To replace a secret later without a restart, see msd(8), The cluster secret.\n",
        full.native()
    );
    return 0;
}

} // namespace msd::app
