// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace msd::json {

// Scans and checks JSON text (RFC 8259 syntax, UTF-8, depth, number of values) and builds nothing:
// the rest of base/json needs only where a value begins and ends. It is iterative, so no input can
// exhaust the stack. After a function returned false, only failure() may be called.
class scanner {
public:
    /// For a text whose values were counted before, or are read over several turns of a loop.
    static constexpr std::size_t not_counted = std::numeric_limits<std::size_t>::max();

    /// The text may hold NUL bytes and need not end with one. value() accepts at most `most_values`
    /// values, all calls together; those inside of a value count.
    explicit scanner(std::string_view text, std::size_t most_values = not_counted)
        : begin_{text.data()},
          at_{text.data()},
          end_{text.data() + text.size()},
          values_max_{most_values},
          values_left_{most_values} {}

    void skip_space();
    [[nodiscard]] bool at_end() const { return at_ == end_; }
    [[nodiscard]] const char* position() const { return at_; }

    [[nodiscard]] bool is_next(char wanted) const { return at_ != end_ && *at_ == wanted; }
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
    /// Ends the scan: the text has more than `most` of `what`. Returns false.
    [[nodiscard]] bool refuse_count(const char* what, std::size_t most);

    /// What was wrong and at which byte; errc::malformed, errc::too_large when nested too deep, or
    /// errc::invalid when there is too much of something.
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
    std::size_t values_max_;
    std::size_t values_left_;
    std::size_t most_ = 0; // of what there is too much of
    const char* fault_ = "";
    errc fault_code_ = errc::malformed;
    std::uint64_t objects_ = 0; // one bit per open level, the innermost lowest: 1 for an object
    std::size_t depth_ = 0;
};

/// The end of the run of ASCII characters at `at` that a string literal holds unescaped.
[[nodiscard]] const char* skip_plain(const char* at, const char* end);

/// The length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629); 0 when there is
/// none.
[[nodiscard]] std::size_t utf8_sequence(const char* text, const char* end);

} // namespace msd::json
