// SPDX-License-Identifier: Apache-2.0
#include "base/binary.hpp"

namespace msd {

namespace {

constexpr unsigned bits_per_byte = 7; // the eighth bit is set when another byte follows
constexpr std::uint8_t more = 0x80;

} // namespace

binary_writer& binary_writer::number(std::uint64_t value) {
    while (value >= more) {
        out_ += static_cast<char>(static_cast<std::uint8_t>(value) | more);
        value >>= bits_per_byte;
    }
    out_ += static_cast<char>(value);
    return *this;
}

binary_writer& binary_writer::text(std::string_view bytes) {
    number(bytes.size());
    out_ += bytes;
    return *this;
}

binary_writer& binary_writer::time(time_point at) {
    return number(static_cast<std::uint64_t>(at.time_since_epoch().count()));
}

std::uint64_t binary_reader::number(std::uint64_t most) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; !failed_; shift += bits_per_byte) {
        if (rest_.empty()) {
            failed_ = true;
            break;
        }
        const auto byte = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        const std::uint64_t bits = byte & (more - 1U);
        value |= bits << shift;
        const bool is_last = (byte & more) == 0;
        const bool is_full = shift + bits_per_byte >= std::numeric_limits<std::uint64_t>::digits;
        failed_ = (value >> shift) != bits || (is_full && !is_last); // over 64 bits
        if (is_last) {
            failed_ = failed_ || value > most;
            break;
        }
    }
    return failed_ ? 0 : value;
}

std::size_t binary_reader::count(std::size_t most) {
    const std::uint64_t elements = number(most);
    failed_ = failed_ || elements > rest_.size();
    return failed_ ? 0 : static_cast<std::size_t>(elements);
}

std::string_view binary_reader::text(std::size_t bytes_max) {
    const std::size_t bytes = count(bytes_max);
    const std::string_view found = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return found;
}

time_point binary_reader::time() {
    using ticks = clock::duration::rep;
    constexpr ticks far = std::numeric_limits<ticks>::max() / 4; // centuries
    const time_point at{clock::duration{static_cast<ticks>(number())}};
    const bool is_never = at == time_point::max() || at == time_point::min();
    const ticks count = at.time_since_epoch().count();
    failed_ = failed_ || (!is_never && (count > far || count < -far));
    return failed_ ? time_point{} : at;
}

} // namespace msd
