// SPDX-License-Identifier: Apache-2.0
#include "node/topology_file.hpp"

#include "base/log.hpp"
#include "base/owned_files.hpp"
#include "core/topology_frames.hpp"
#include "wire/packet.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace msd::node {

namespace {

constexpr off_t bytes_max = off_t{64} << 20;
constexpr milliseconds pause_min{100};
constexpr std::size_t bytes_per_ms = 1024; // written by one worker on average, at most
constexpr std::string_view packet_end = "]}";

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

// errc::not_found: there is no file.
result<std::string> read_whole(const std::filesystem::path& path) {
    const auto at = find_place(path);
    const auto file = at ? open_checked_file(*at, path, O_RDONLY, directory_use::own)
                         : result<unique_fd>{tl::unexpected{at.error()}};
    if (!file) {
        return tl::unexpected{file.error()};
    }
    struct stat facts {};
    if (fstat(file->get(), &facts) != 0 || facts.st_size > bytes_max) {
        return msd::fail(errc::too_large, fmt::format("{} is too large", path.native()));
    }
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t got = ::read(file->get(), text.data() + done, text.size() - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return msd::fail(errc::unavailable, fmt::format("{} cannot be read", path.native()));
        }
        done += static_cast<std::size_t>(got);
    }
    return text;
}

// A snapshot without nodes and without its end.
std::string packet_begin(core::revision now) {
    std::string frame = core::snapshot_frame(now, {"", 0, false});
    frame.resize(frame.size() - wire::terminator.size() - packet_end.size());
    return frame;
}

} // namespace

topology_file::~topology_file() {
    if (draft_) {
        unlink(draft_->path.c_str());
    }
}

std::optional<std::string> topology_file::read() {
    if (path_.empty()) {
        return std::nullopt;
    }
    auto text = read_whole(path_);
    if (text) {
        return std::move(*text);
    }
    if (text.error().code != errc::not_found) {
        log::warning("{}: starting without the saved list of nodes", text.error().text);
    }
    return std::nullopt;
}

bool topology_file::note_loaded(bool is_usable, const core::topology& loaded) {
    if (is_usable) {
        remember(loaded);
    } else {
        log::warning("{} is damaged: starting without the saved list of nodes", path_.native());
    }
    return is_usable;
}

bool topology_file::knows_more_than(const core::topology& known) const {
    return std::any_of(kept_.begin(), kept_.end(), [&known](const core::node_id& id) {
        return !known.has(id);
    });
}

// The workers of a pool may write at the same time: each writes a file of its own and renames it.
void topology_file::begin_save(const core::topology& known) {
    if (path_.empty()) {
        return;
    }
    remember(known);
    draft_ = std::make_unique<draft>();
    draft_->path = fmt::format("{}.{}", path_.native(), getpid());
    draft_->nodes = known.listed();
    draft_->text = packet_begin(known.now());
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    unlink(draft_->path.c_str()); // of an earlier process with this number that was killed
    draft_->file = unique_fd{::open(draft_->path.c_str(), flags, 0600)};
    bytes_saved_ = 0;
    if (!draft_->file) {
        fail(errno);
    }
}

bool topology_file::save_step(std::size_t bytes) {
    if (!draft_) {
        return false;
    }
    const std::size_t before = bytes_saved_ + draft_->text.size();
    while (draft_->next < draft_->nodes.size() && !draft_->failed) {
        draft_->text += draft_->next == 0 ? "" : ",";
        draft_->text += draft_->nodes[draft_->next++]->text;
        if (bytes_saved_ + draft_->text.size() - before >= bytes) {
            flush();
            return true;
        }
    }
    finish();
    return false;
}

void topology_file::flush() {
    if (!draft_->failed && !write_whole(draft_->file.get(), draft_->text)) {
        fail(errno);
    }
    bytes_saved_ += draft_->text.size();
    draft_->text.clear();
}

void topology_file::fail(int reason) {
    draft_->failed = true;
    draft_->reason = reason;
}

void topology_file::finish() {
    draft_->text += packet_end;
    flush();
    if (!draft_->failed && rename(draft_->path.c_str(), path_.c_str()) != 0) {
        fail(errno);
    }
    const auto done = std::exchange(draft_, nullptr);
    if (!done->failed) {
        complained_ = false;
        return;
    }
    unlink(done->path.c_str());
    if (!std::exchange(complained_, true)) {
        log::warning(
            "cannot write {}: {}; workers that start get no list of nodes until the registry sends "
            "one",
            path_.native(),
            std::generic_category().message(done->reason)
        );
    }
}

milliseconds topology_file::pause() const {
    return pause_min + milliseconds{bytes_saved_ / bytes_per_ms};
}

void topology_file::remember(const core::topology& kept) {
    kept_.clear();
    kept_.reserve(kept.size());
    for (const core::listed_node_ptr& node : kept.listed()) {
        kept_.push_back(node->info.id);
    }
}

} // namespace msd::node
