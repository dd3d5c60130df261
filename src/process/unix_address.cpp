// SPDX-License-Identifier: Apache-2.0
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <cstring>

namespace msd::process {

result<sockaddr_un> unix_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    const std::string& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        return fail(
            errc::invalid,
            fmt::format(
                "{}: {} bytes, but the path of a socket has at most {}; choose a shorter "
                "--runtime-dir",
                text,
                text.size(),
                sizeof address.sun_path - 1
            )
        );
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return address;
}

} // namespace msd::process
