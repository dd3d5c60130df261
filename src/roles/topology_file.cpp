// SPDX-License-Identifier: Apache-2.0
#include "roles/topology_file.hpp"

#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "wire/packet.hpp"
#include "wire/request_size.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace msd::roles {

namespace {

constexpr std::uintmax_t bytes_max = std::uintmax_t{64} << 20;

bool write_whole(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return true;
}

std::vector<core::node_id> sorted_ids(const core::topology& of) {
    std::vector<core::node_id> ids;
    ids.reserve(of.nodes().size());
    for (const core::node_info& node : of.nodes()) {
        ids.push_back(node.id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

// The workers of a pool may write at the same time: each writes a file of its own and renames it.
bool replace(const std::filesystem::path& path, std::string_view text) {
    const std::string fresh = fmt::format("{}.{}", path.native(), getpid());
    const unique_fd file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file && write_whole(file.get(), text) && rename(fresh.c_str(), path.c_str()) == 0) {
        return true;
    }
    const int why = errno;
    unlink(fresh.c_str());
    errno = why;
    return false;
}

} // namespace

std::optional<core::topology> topology_file::load() {
    std::error_code reason;
    if (path_.empty() || !std::filesystem::exists(path_, reason)) {
        return std::nullopt;
    }
    std::ifstream file{path_, std::ios::binary};
    const auto size = std::filesystem::file_size(path_, reason);
    if (!file || reason || size > bytes_max) {
        log::warning("{} cannot be read: starting without the saved list of nodes", path_.native());
        return std::nullopt;
    }
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    wire::packet packet;
    core::topology known;
    auto outcome =
        packet.parse(text, wire::list_bounds).and_then([&] { return known.apply(packet); });
    if (!outcome || *outcome != core::topology::outcome::changed) {
        log::warning("{} is damaged: starting without the saved list of nodes", path_.native());
        return std::nullopt;
    }
    remember(known);
    return known;
}

bool topology_file::knows_more_than(const core::topology& known) const {
    const auto now = sorted_ids(known);
    return !std::includes(now.begin(), now.end(), ids_.begin(), ids_.end());
}

void topology_file::save(const core::topology& known) {
    if (path_.empty()) {
        return;
    }
    remember(known);
    if (replace(path_, known.packet())) {
        complained_ = false;
    } else if (!std::exchange(complained_, true)) {
        const std::string why = std::generic_category().message(errno);
        log::warning(
            "cannot write {}: {}; workers that start get no list of nodes until the registry sends "
            "one",
            path_.native(),
            why
        );
    }
}

void topology_file::remember(const core::topology& kept) {
    ids_ = sorted_ids(kept);
}

} // namespace msd::roles
