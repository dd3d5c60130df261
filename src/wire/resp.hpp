// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Redis' protocol, version 2: commands as bytes, bytes as replies. The only user of hiredis, of
// which it takes the reader; which reply belongs to which command, and what an error reply means,
// is for others to know.
namespace msd::wire {

// One reply, or an element of one.
struct resp_value {
    enum class kind : std::uint8_t {
        nil,
        status, // "+OK"
        error,  // "-ERR …"
        integer,
        text, // a bulk string: any bytes
        array,
    };

    kind what = kind::nil;
    std::int64_t integer = 0;
    std::string text; // of status, error and text
    std::vector<resp_value> items;

    [[nodiscard]] bool is(kind wanted) const { return what == wanted; }
    [[nodiscard]] bool is_status(std::string_view wanted) const {
        return what == kind::status && text == wanted;
    }
};

// Reads the replies of a server that may send anything: what a reply costs in memory is bounded
// before it is spent, and bytes that are no reply end the stream.
class resp_reader {
public:
    static constexpr std::size_t elements_max = std::size_t{64} * 1024; // of all arrays of a reply
    static constexpr std::size_t line_bytes_max = std::size_t{64} * 1024; // status, error, numbers
    // Arrays in arrays: hiredis' own bound, 7.

    /// `reply_bytes_max` bounds the texts of one reply together.
    explicit resp_reader(std::size_t reply_bytes_max);
    ~resp_reader();
    resp_reader(const resp_reader&) = delete;
    resp_reader& operator=(const resp_reader&) = delete;

    /// Takes received bytes; ask next() until it has nothing more before the next feed().
    void feed(std::string_view bytes);

    /// The next whole reply; nothing: feed more. errc::malformed, errc::too_large: from then on the
    /// stream cannot be read, and every call says so again.
    [[nodiscard]] result<std::optional<resp_value>> next();

private:
    struct state;

    std::unique_ptr<state> state_;
};

/// One command with its arguments, at least its name. Arguments may hold any bytes.
void append_resp_command(std::string& out, std::span<const std::string_view> arguments);

} // namespace msd::wire
