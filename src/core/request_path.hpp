// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace msd::core {

// The path of a request to a web program: in the form in which routes are compared with it, and in
// the form in which the program receives it. Different spellings of one path are compared alike, so
// no spelling evades the route of a path. Routes of packet services do not use it: they compare the
// path as it was received.
//
// - Percent-escapes are compared decoded, except those of "/" and "%". The program receives them
//   as they were sent.
// - Dot segments are resolved, for the comparison and for the program (RFC 3986, 5.2.4). A path
//   that leaves the root is refused.
// - Empty segments are not compared. The program receives them, unless there are dot segments.
// - Refused are also: percent signs without two digits, %00, and dot segments that only some
//   programs take for such ("..%2f", "..\", "..;").
//
// Views into the path that was read.
class request_path {
public:
    /// `raw`: the path of a request target, without query. errc::malformed with a text for the
    /// client.
    [[nodiscard]] static result<request_path> read(std::string_view raw);

    /// To be compared with routes: begins with "/", and only its last segment can be empty.
    [[nodiscard]] std::string_view compared() const {
        return is_plain_ ? raw_ : std::string_view{compared_};
    }
    /// What a program receives.
    [[nodiscard]] std::string_view forwarded() const {
        return forwarded_.empty() ? raw_ : std::string_view{forwarded_};
    }
    /// The path was not changed for the program.
    [[nodiscard]] bool is_as_received() const { return forwarded_.empty(); }
    /// How many bytes at the beginning of forwarded() are its first `segments` segments. What
    /// follows begins with exactly one "/". There must be as many segments.
    [[nodiscard]] std::size_t prefix_bytes(std::size_t segments) const;

private:
    explicit request_path(std::string_view raw) : raw_{raw} {}
    [[nodiscard]] result<void> resolve();

    std::string_view raw_;
    bool is_plain_ = true; // compared() is the path as received
    std::string compared_;
    std::string forwarded_; // empty: as received
};

/// One segment as it is compared. Nothing when its percent-escapes are not valid.
[[nodiscard]] std::optional<std::string> compared_segment(std::string_view segment);

} // namespace msd::core
