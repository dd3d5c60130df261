// SPDX-License-Identifier: Apache-2.0
#include "store/transfer_lines.hpp"

#include "base/json.hpp"
#include "store/transfer_rows.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::store {

namespace {

constexpr std::string_view mark = "msd_export"; // names the header and the version of the format
constexpr std::int64_t format_version = 1;
// Texts of msd and of existing deployments have at most 65,535 bytes; a JSON escape has up to six
// bytes for one.
constexpr std::size_t line_bytes_max = std::size_t{8} << 20;
constexpr std::size_t read_bytes = std::size_t{256} << 10; // of one read

std::optional<transfer_summary> read_last_line(std::string_view line) {
    json::object members;
    if (!members.parse(line)) {
        return std::nullopt;
    }
    const json::value* const rows = members.find("rows");
    const json::value* const next_id = members.find("next_id");
    const json::value* const digest = members.find("digest");
    if (rows == nullptr || next_id == nullptr || digest == nullptr) {
        return std::nullopt;
    }
    return transfer_summary{
        rows->as_int64().value_or(-1),
        next_id->as_int64().value_or(-1),
        digest->as_string().value_or("")};
}

} // namespace

line_digest::line_digest() : state_{std::make_unique<crypto_generichash_state>()} {
    crypto_generichash_init(state_.get(), nullptr, 0, crypto_generichash_BYTES);
}

line_digest::line_digest(const line_digest& other)
    : state_{std::make_unique<crypto_generichash_state>(*other.state_)} {}

line_digest& line_digest::operator=(const line_digest& other) {
    *state_ = *other.state_;
    return *this;
}

void line_digest::add(std::string_view line) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(line.data());
    crypto_generichash_update(state_.get(), bytes, line.size());
    constexpr unsigned char end = '\n';
    crypto_generichash_update(state_.get(), &end, 1);
}

std::string line_digest::text() const {
    const line_digest copy{*this}; // taking the digest ends a state
    std::array<unsigned char, crypto_generichash_BYTES> digest{};
    crypto_generichash_final(copy.state_.get(), digest.data(), digest.size());
    std::string hex;
    for (const unsigned char byte : digest) {
        hex += fmt::format("{:02x}", byte);
    }
    return hex;
}

std::string header_line(std::string_view service) {
    std::string text;
    json::writer out{text};
    out.begin_object().key(mark).integer(format_version).key("service").string(service);
    out.end_object();
    return text;
}

std::string last_line(const transfer_summary& of) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("rows").integer(of.rows).key("next_id").integer(of.next_id);
    out.key("digest").string(of.digest).end_object();
    return text;
}

line_reader::line_reader(std::filesystem::path file, int from, std::string_view service)
    : file_{std::move(file)},
      service_{service},
      from_{from},
      buffer_(line_bytes_max) {}

result<void> line_reader::read_header() {
    const auto line = next_line();
    if (!line || *line != header_line(service_)) {
        return wrong(fmt::format("this is not an export of {}", service_));
    }
    return {};
}

result<line_reader::kind> line_reader::next() {
    const auto line = next_line();
    if (!line) {
        if (too_long_) {
            return wrong(fmt::format("the line has more than {} bytes", line_bytes_max));
        }
        if (failed_ != 0) {
            const auto why = std::generic_category().message(failed_);
            return fail(errc::unavailable, fmt::format("{}: {}", file_.string(), why));
        }
        return cut_ ? kind::cut : kind::end;
    }
    if (auto found = read_last_line(*line)) {
        said_ = std::move(*found);
        return kind::summary;
    }
    std::int64_t id = 0;
    auto row = canonical_row(service_, *line, id);
    if (!row) {
        return wrong(row.error().text);
    }
    if (id <= last_id_) {
        return wrong("the ids are not in ascending order");
    }
    last_id_ = id;
    ++rows_;
    digest_.add(*line);
    row_ = {id, std::move(*row)};
    return kind::row;
}

result<void> line_reader::confirm() {
    if (said_.rows != rows_ || said_.digest != digest_.text() || said_.next_id <= last_id_) {
        return wrong("the rows differ from the exported rows: the file was changed");
    }
    if (next_line() || cut_ || too_long_) {
        return wrong("the file has more lines after the end of the export");
    }
    return {};
}

std::optional<std::string_view> line_reader::next_line() {
    for (std::size_t searched = begin_;;) {
        const auto* const at = std::find(buffer_.data() + searched, buffer_.data() + end_, '\n');
        const auto found = static_cast<std::size_t>(at - buffer_.data());
        if (found < end_) {
            const std::string_view line{buffer_.data() + begin_, found - begin_};
            begin_ = found + 1;
            ++number_;
            bytes_ += line.size() + 1;
            return line;
        }
        searched = end_ - begin_; // read_more() moves the text to the front
        if (!read_more()) {
            return std::nullopt;
        }
    }
}

// False at the end of the file, after an error, and when the line is too long.
bool line_reader::read_more() {
    std::copy(
        buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
        buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
        buffer_.begin()
    );
    end_ -= std::exchange(begin_, 0);
    const std::size_t room = std::min(buffer_.size() - end_, read_bytes);
    if (room == 0) {
        too_long_ = true;
        return false;
    }
    ssize_t got = 0;
    do {
        got = ::pread(from_, buffer_.data() + end_, room, offset_);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        failed_ = got < 0 ? errno : 0;
        cut_ = end_ > 0;
        return false;
    }
    end_ += static_cast<std::size_t>(got);
    offset_ += got;
    return true;
}

tl::unexpected<error> line_reader::wrong(std::string_view what) const {
    return fail(errc::malformed, fmt::format("{}:{}: {}", file_.string(), number_, what));
}

} // namespace msd::store
