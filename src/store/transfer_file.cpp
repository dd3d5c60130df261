// SPDX-License-Identifier: Apache-2.0
#include "store/transfer_file.hpp"

#include "base/log.hpp"
#include "base/owned_files.hpp"
#include "store/transfer_lines.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace msd::store {

namespace {

tl::unexpected<error> not_this_way() {
    return fail(errc::internal, "an export file is opened either for reading or for writing");
}

class file_to_read final : public transfer_table {
public:
    file_to_read(transfer_file from, std::string_view service)
        : from_{std::move(from)},
          service_{service} {}

    result<void> open() {
        line_reader whole{from_.path, from_.file.get(), service_};
        if (auto begun = whole.read_header(); !begun) {
            return begun;
        }
        for (;;) {
            const auto kind = whole.next();
            if (!kind) {
                return tl::unexpected{kind.error()};
            }
            if (*kind == line_reader::kind::summary) {
                said_ = whole.said();
                return whole.confirm();
            }
            if (*kind != line_reader::kind::row) {
                return fail(
                    errc::malformed,
                    fmt::format(
                        "{} is incomplete, because the export was interrupted: export again",
                        from_.path.string()
                    )
                );
            }
        }
    }

    result<std::int64_t> count() override { return said_.rows; }
    result<std::int64_t> next_id() override { return said_.next_id; }
    result<std::int64_t> resume_after() override { return not_this_way(); }
    result<std::size_t> write(std::span<const transfer_row> /*rows*/) override {
        return not_this_way();
    }
    result<void> finish(std::int64_t /*next_id*/) override { return not_this_way(); }

    result<std::vector<transfer_row>> read(std::int64_t after) override {
        if (!reader_ || reader_->last_id() > after) {
            reader_.emplace(from_.path, from_.file.get(), service_);
            if (auto begun = reader_->read_header(); !begun) {
                return tl::unexpected{std::move(begun.error())};
            }
        }
        std::vector<transfer_row> rows;
        while (rows.size() < rows_max) {
            const auto kind = reader_->next();
            if (!kind) {
                return tl::unexpected{kind.error()};
            }
            if (*kind != line_reader::kind::row) {
                break;
            }
            if (reader_->last_id() > after) {
                rows.push_back(reader_->take_row());
            }
        }
        return rows;
    }

private:
    transfer_file from_;
    std::string service_;
    transfer_summary said_;
    std::optional<line_reader> reader_;
};

class file_to_write final : public transfer_table {
public:
    file_to_write(transfer_file to, std::string_view service)
        : to_{std::move(to)},
          service_{service} {}
    file_to_write(const file_to_write&) = delete;
    file_to_write& operator=(const file_to_write&) = delete;

    // A command that is no longer root has no permission to remove a file of root, but it can empty
    // it: then the next export begins anew.
    ~file_to_write() override {
        if (to_.is_new && !is_kept_) {
            const bool is_empty = ::ftruncate(to_.file.get(), 0) == 0;
            const std::string name = to_.path.filename();
            if (::unlinkat(to_.directory.get(), name.c_str(), 0) != 0 && !is_empty) {
                log::warning("{} is incomplete and cannot be removed", to_.path.string());
            }
        }
    }

    result<void> open() {
        if (::lseek(to_.file.get(), 0, SEEK_END) == 0) {
            return put(header_line(service_) + '\n');
        }
        return look_through();
    }

    result<std::int64_t> count() override { return rows_; }
    result<std::int64_t> next_id() override { return last_id_ + 1; }
    result<std::int64_t> resume_after() override { return last_id_; }
    result<std::vector<transfer_row>> read(std::int64_t /*after*/) override {
        return not_this_way();
    }

    result<std::size_t> write(std::span<const transfer_row> rows) override {
        std::string lines;
        for (const transfer_row& each : rows) {
            lines += each.json;
            lines += '\n';
            digest_.add(each.json);
            last_id_ = each.id;
            ++rows_;
        }
        if (auto done = put(lines); !done) {
            return tl::unexpected{std::move(done.error())};
        }
        return rows.size();
    }

    result<void> finish(std::int64_t next_id) override {
        if (auto done = put(last_line({rows_, next_id, digest_.text()}) + '\n'); !done) {
            return done;
        }
        if (::fsync(to_.file.get()) != 0) {
            return failure();
        }
        is_kept_ = true;
        return {};
    }

    void keep() override { is_kept_ = true; }

private:
    // Complete lines of an earlier export are kept.
    result<void> look_through() {
        line_reader earlier{to_.path, to_.file.get(), service_};
        if (auto begun = earlier.read_header(); !begun) {
            return begun;
        }
        for (;;) {
            const auto kind = earlier.next();
            if (!kind) {
                return tl::unexpected{kind.error()};
            }
            if (*kind == line_reader::kind::summary) {
                const auto* const advice = "remove it, or choose another directory";
                const auto text =
                    fmt::format("{} is a complete export: {}", to_.path.string(), advice);
                return fail(errc::conflict, text);
            }
            if (*kind != line_reader::kind::row) {
                break;
            }
        }
        rows_ = earlier.rows();
        last_id_ = earlier.last_id();
        digest_ = earlier.digest();
        const auto whole = static_cast<off_t>(earlier.bytes());
        const bool cut = ::ftruncate(to_.file.get(), whole) == 0 &&
                         ::lseek(to_.file.get(), whole, SEEK_SET) == whole;
        return cut ? result<void>{} : failure();
    }

    result<void> put(std::string_view text) {
        while (!text.empty()) {
            const auto written = ::write(to_.file.get(), text.data(), text.size());
            if (written < 0 && errno == EINTR) {
                continue;
            }
            if (written <= 0) {
                return failure();
            }
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }

    [[nodiscard]] tl::unexpected<error> failure() const {
        const auto why = std::generic_category().message(errno);
        return fail(errc::unavailable, fmt::format("{}: {}", to_.path.string(), why));
    }

    transfer_file to_;
    std::string service_;
    bool is_kept_ = false;
    line_digest digest_;
    std::int64_t rows_ = 0;
    std::int64_t last_id_ = 0;
};

template <class File>
result<std::unique_ptr<transfer_table>> opened(transfer_file file, std::string_view service) {
    auto made = std::make_unique<File>(std::move(file), service);
    if (auto done = made->open(); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return made;
}

tl::unexpected<error> not_regular(const std::filesystem::path& path) {
    return fail(
        errc::denied,
        fmt::format("{} is not a regular file: name the directory of an export", path.string())
    );
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
}

} // namespace

// Opening a device can have an effect, so it is looked at first.
result<transfer_file> open_transfer_file(const std::filesystem::path& path) {
    const auto at = find_place(path);
    if (!at) {
        return tl::unexpected{at.error()};
    }
    struct stat facts {};
    const char* const name = at->name.c_str();
    if (::fstatat(at->directory.get(), name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISREG(facts.st_mode)) {
        return not_regular(path);
    }
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    unique_fd file{::openat(at->directory.get(), name, flags)};
    if (!file || ::fstat(file.get(), &facts) != 0) {
        const auto why = std::generic_category().message(errno);
        return fail(
            errno == ENOENT ? errc::not_found : errc::unavailable,
            fmt::format("{} cannot be read: {}", path.string(), why)
        );
    }
    if (!S_ISREG(facts.st_mode)) {
        return not_regular(path);
    }
    return transfer_file{path, {}, std::move(file)};
}

result<transfer_file> create_transfer_file(const std::filesystem::path& path) {
    auto directory = make_directory(directory_of(path), S_IRWXU);
    if (!directory) {
        return tl::unexpected{std::move(directory.error())};
    }
    auto checked = check_directory(directory->get(), directory_of(path), directory_use::shared);
    if (!checked) {
        return tl::unexpected{std::move(checked.error())};
    }
    constexpr mode_t private_mode = S_IRUSR | S_IWUSR;
    file_place at{std::move(*directory), path.filename()};
    auto file = create_file(at, path, private_mode);
    const bool is_new = file && *file;
    if (file && !is_new) {
        file = open_checked_file(at, path, O_RDWR, directory_use::shared);
        if (file && ::fchmod(file->get(), private_mode) != 0) {
            return fail(
                errc::denied,
                fmt::format("{} belongs to another user: remove it", path.string())
            );
        }
    }
    if (!file) {
        return tl::unexpected{std::move(file.error())};
    }
    return transfer_file{path, std::move(at.directory), std::move(*file), is_new};
}

result<std::unique_ptr<transfer_table>>
read_transfer_file(transfer_file from, std::string_view service) {
    return opened<file_to_read>(std::move(from), service);
}

result<std::unique_ptr<transfer_table>>
write_transfer_file(transfer_file to, std::string_view service) {
    return opened<file_to_write>(std::move(to), service);
}

result<std::unique_ptr<transfer_table>>
read_transfer_file(const std::filesystem::path& from, std::string_view service) {
    auto file = open_transfer_file(from);
    return file ? read_transfer_file(std::move(*file), service)
                : tl::unexpected{std::move(file.error())};
}

result<std::unique_ptr<transfer_table>>
write_transfer_file(const std::filesystem::path& to, std::string_view service) {
    auto file = create_transfer_file(to);
    return file ? write_transfer_file(std::move(*file), service)
                : tl::unexpected{std::move(file.error())};
}

} // namespace msd::store
