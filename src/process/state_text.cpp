// SPDX-License-Identifier: Apache-2.0
#include "process/state_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace msd::process {

namespace {

std::optional<std::string> from_hexadecimal(std::string_view digits) {
    std::string bytes;
    bytes.reserve(digits.size() / 2);
    for (; digits.size() >= 2; digits.remove_prefix(2)) {
        unsigned value = 0;
        const char* const end = digits.data() + 2;
        const auto [stopped, reason] = std::from_chars(digits.data(), end, value, 16);
        if (reason != std::errc{} || stopped != end) {
            return std::nullopt;
        }
        bytes += static_cast<char>(value);
    }
    return digits.empty() ? std::optional{std::move(bytes)} : std::nullopt;
}

} // namespace

void state_writer::text(std::string_view name, std::string_view value, std::size_t /*bytes_max*/) {
    out_.key(name).string(value);
}

void state_writer::bytes(
    std::string_view name,
    std::string_view value,
    std::size_t /*bytes_max*/
) {
    std::string digits;
    digits.reserve(2 * value.size());
    for (const unsigned char each : value) {
        fmt::format_to(std::back_inserter(digits), "{:02x}", each);
    }
    out_.key(name).string(digits);
}

void state_writer::moment(std::string_view name, time_point value) {
    out_.key(name).integer(value.time_since_epoch().count());
}

void state_writer::moment(std::string_view name, const std::optional<time_point>& value) {
    if (value) {
        moment(name, *value);
    } else {
        out_.key(name).null();
    }
}

void state_writer::descriptor(std::string_view name, int value, bool /*optional*/) {
    if (value >= 0) {
        out_.key(name).integer(value);
    } else {
        out_.key(name).null();
    }
}

void state_writer::texts(
    std::string_view name,
    const std::vector<std::string>& values,
    std::size_t /*most*/
) {
    out_.key(name).begin_array();
    for (const std::string& each : values) {
        out_.string(each);
    }
    out_.end_array();
}

void state_writer::descriptors(
    std::string_view name,
    const std::vector<int>& values,
    std::size_t /*most*/
) {
    out_.key(name).begin_array();
    for (const int each : values) {
        out_.integer(each);
    }
    out_.end_array();
}

void state_writer::ports(
    std::string_view name,
    const std::map<std::string, std::uint16_t>& values
) {
    out_.key(name).begin_object();
    for (const auto& [pool, port] : values) {
        out_.key(pool).unsigned_integer(port);
    }
    out_.end_object();
}

void state_reader::open(std::string_view text) {
    if (const auto parsed = fields_.parse(text); !parsed) {
        wrong_ = fmt::format("{}: {}", where_.empty() ? "the state" : where_, parsed.error().text);
    }
}

const json::value* state_reader::take(std::string_view name) {
    if (failed()) {
        return nullptr;
    }
    const json::value* const value = fields_.find(name);
    if (value == nullptr) {
        wrong_ = fmt::format("{}{} is missing", where_, name);
    } else {
        ++taken_;
    }
    return value;
}

std::vector<json::value> state_reader::elements(std::string_view name, std::size_t most) {
    const json::value* const value = take(name);
    if (value == nullptr) {
        return {};
    }
    auto read = json::elements(value->text);
    if (!read || read->size() > most) {
        refuse(name);
        return {};
    }
    return std::move(*read);
}

void state_reader::refuse(std::string_view name) {
    wrong_ = fmt::format("{}{} is unusable", where_, name);
}

// Names are unique among those that were taken, so a field that comes twice is one too many.
void state_reader::check_all_taken() {
    if (!failed() && taken_ != fields_.size()) {
        wrong_ = fmt::format("{}: {} fields, not {}", where_, fields_.size(), taken_);
    }
}

void state_reader::flag(std::string_view name, bool& into) {
    if (const json::value* const value = take(name)) {
        const auto read = value->as_bool();
        read ? void(into = *read) : refuse(name);
    }
}

void state_reader::text(std::string_view name, std::string& into, std::size_t bytes_max) {
    if (const json::value* const value = take(name)) {
        auto read = value->as_string();
        if (!read || read->size() > bytes_max) {
            refuse(name);
            return;
        }
        into = std::move(*read);
    }
}

void state_reader::bytes(std::string_view name, std::string& into, std::size_t bytes_max) {
    std::string digits;
    text(name, digits, 2 * bytes_max);
    if (failed()) {
        return;
    }
    auto read = from_hexadecimal(digits);
    if (!read) {
        refuse(name);
        return;
    }
    into = std::move(*read);
}

void state_reader::moment(std::string_view name, time_point& into) {
    if (const json::value* const value = take(name)) {
        const auto read = value->as_int64();
        if (!read) {
            refuse(name);
            return;
        }
        into = time_point{clock::duration{*read}};
    }
}

void state_reader::moment(std::string_view name, std::optional<time_point>& into) {
    const json::value* const value = failed() ? nullptr : fields_.find(name);
    if (value != nullptr && value->type == json::kind::null) {
        ++taken_;
        return;
    }
    moment(name, into.emplace());
}

void state_reader::descriptor(std::string_view name, int& into, bool optional) {
    const json::value* const value = failed() ? nullptr : fields_.find(name);
    if (optional && value != nullptr && value->type == json::kind::null) {
        ++taken_;
        into = -1;
        return;
    }
    number(name, into, descriptor_min, std::numeric_limits<int>::max());
}

void state_reader::texts(std::string_view name, std::vector<std::string>& into, std::size_t most) {
    for (const json::value& each : elements(name, most)) {
        auto read = each.as_string();
        // They become arguments of a program and names of pools.
        if (!read || read->find('\0') != std::string::npos) {
            refuse(name);
            return;
        }
        into.push_back(std::move(*read));
    }
}

void state_reader::descriptors(std::string_view name, std::vector<int>& into, std::size_t most) {
    for (const json::value& each : elements(name, most)) {
        const auto read = each.as_int64();
        if (!read || *read < descriptor_min || *read > std::numeric_limits<int>::max()) {
            refuse(name);
            return;
        }
        into.push_back(static_cast<int>(*read));
    }
}

void state_reader::ports(std::string_view name, std::map<std::string, std::uint16_t>& into) {
    const json::value* const value = take(name);
    if (value == nullptr) {
        return;
    }
    json::object all;
    if (!all.parse(value->text)) {
        refuse(name);
        return;
    }
    for (const json::member& each : all) {
        const auto port = each.val.as_int64();
        if (!port || *port < 1 || *port > std::numeric_limits<std::uint16_t>::max()) {
            refuse(name);
            return;
        }
        into[std::string{each.name}] = static_cast<std::uint16_t>(*port);
    }
}

} // namespace msd::process
