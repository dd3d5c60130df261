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

// The protocol of Redis, version 2: writes commands and reads replies. The only user of hiredis,
// and of its reader only. Matching replies to commands and interpreting errors is left to the
// callers.
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

// Reads the replies of a server that is not trusted: the memory of a reply is checked against the
// limits before it is allocated, and malformed bytes end the stream.
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

    /// Adds received bytes. Call next() until it returns nothing before the next feed().
    void feed(std::string_view bytes);

    /// The next complete reply; nothing: feed more. After errc::malformed or errc::too_large the
    /// stream cannot be read, and every further call returns the same error.
    [[nodiscard]] result<std::optional<resp_value>> next();

private:
    struct state;

    std::unique_ptr<state> state_;
};

/// One command with its arguments, at least its name. Arguments may hold any bytes.
void append_resp_command(std::string& out, std::span<const std::string_view> arguments);

} // namespace msd::wire
