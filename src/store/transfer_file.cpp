// SPDX-License-Identifier: Apache-2.0
#include "store/transfer_file.hpp"

#include "base/unique_fd.hpp"
#include "store/data_directory.hpp"
#include "store/transfer_lines.hpp"

#include <fmt/format.h>

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
    file_to_read(std::filesystem::path file, std::string_view service)
        : file_{std::move(file)},
          service_{service} {}

    result<void> open() {
        line_reader whole{file_, service_};
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
                        file_.string()
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
            reader_.emplace(file_, service_);
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
    std::filesystem::path file_;
    std::string service_;
    transfer_summary said_;
    std::optional<line_reader> reader_;
};

class file_to_write final : public transfer_table {
public:
    file_to_write(std::filesystem::path file, std::string_view service)
        : path_{std::move(file)},
          service_{service} {}

    result<void> open() {
        auto opened = open_private_file(path_);
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        file_ = std::move(*opened);
        if (::lseek(file_.get(), 0, SEEK_END) == 0) {
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
        return ::fsync(file_.get()) == 0 ? result<void>{} : failure();
    }

private:
    // Complete lines of an earlier export are kept.
    result<void> look_through() {
        line_reader earlier{path_, service_};
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
                    fmt::format("{} is a complete export: {}", path_.string(), advice);
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
        const bool cut =
            ::ftruncate(file_.get(), whole) == 0 && ::lseek(file_.get(), whole, SEEK_SET) == whole;
        return cut ? result<void>{} : failure();
    }

    result<void> put(std::string_view text) {
        while (!text.empty()) {
            const auto written = ::write(file_.get(), text.data(), text.size());
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
        return fail(errc::unavailable, fmt::format("{}: {}", path_.string(), why));
    }

    std::filesystem::path path_;
    std::string service_;
    unique_fd file_;
    line_digest digest_;
    std::int64_t rows_ = 0;
    std::int64_t last_id_ = 0;
};

template <class File>
result<std::unique_ptr<transfer_table>>
opened(const std::filesystem::path& file, std::string_view service) {
    auto made = std::make_unique<File>(file, service);
    if (auto done = made->open(); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return made;
}

} // namespace

result<std::unique_ptr<transfer_table>>
read_transfer_file(const std::filesystem::path& file, std::string_view service) {
    return opened<file_to_read>(file, service);
}

result<std::unique_ptr<transfer_table>>
write_transfer_file(const std::filesystem::path& file, std::string_view service) {
    return opened<file_to_write>(file, service);
}

} // namespace msd::store
