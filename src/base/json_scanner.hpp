// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace msd::json {

// Scans and checks JSON text (RFC 8259 syntax, UTF-8, depth) and builds nothing: the rest of
// base/json needs only where a value begins and ends. It is iterative, so no input can exhaust the
// stack. After a function returned false, only failure() may be called.
class scanner {
public:
    /// The text may hold NUL bytes and need not end with one.
    explicit scanner(std::string_view text)
        : begin_{text.data()},
          at_{text.data()},
          end_{text.data() + text.size()} {}

    void skip_space();
    [[nodiscard]] bool at_end() const { return at_ == end_; }
    [[nodiscard]] const char* position() const { return at_; }

    /// Consumes `wanted` if it is the next byte; otherwise nothing happens.
    [[nodiscard]] bool take(char wanted);
    /// The same for a byte that is required.
    [[nodiscard]] bool expect(char wanted);

    /// One string literal. `has_escape`: it contains an escape, so its value differs from its text.
    [[nodiscard]] bool string(bool& has_escape);
    /// One value with at most `levels_max` levels of objects and arrays, at most 64.
    [[nodiscard]] bool value(std::size_t levels_max);
    /// Nothing but white space up to the end.
    [[nodiscard]] bool finish();

    /// What was wrong and at which byte; errc::malformed, or errc::too_large when nested too deep.
    [[nodiscard]] tl::unexpected<error> failure() const;

private:
    enum class step : std::uint8_t { entered, done, failed };

    [[nodiscard]] bool fault(const char* what, errc code = errc::malformed);
    [[nodiscard]] step begin_value(std::size_t levels_max);
    [[nodiscard]] bool next_element();
    [[nodiscard]] bool leave_finished();
    [[nodiscard]] bool member_name();
    [[nodiscard]] bool escape();
    [[nodiscard]] bool number();
    [[nodiscard]] bool digits();
    [[nodiscard]] bool literal(std::string_view word);

    [[nodiscard]] bool in_object() const { return (objects_ & 1U) != 0; }

    const char* begin_;
    const char* at_;
    const char* end_;
    const char* fault_ = "";
    errc fault_code_ = errc::malformed;
    std::uint64_t objects_ = 0; // one bit per open level, the innermost lowest: 1 for an object
    std::size_t depth_ = 0;
};

/// The length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629); 0 when there is
/// none.
[[nodiscard]] std::size_t utf8_sequence(const char* text, const char* end);

} // namespace msd::json
