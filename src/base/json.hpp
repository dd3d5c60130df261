// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// JSON as msd handles it: a text is validated as a whole and then read in place. A value remains
// the original text until its number or string is requested, so values that msd only forwards
// (64-bit and larger integers, 1.0, unknown fields) are sent unchanged. No tree of values is built.
//
// Accepts what JSON.parse of JavaScript accepts, because foreign nodes forward such texts: also
// numbers beyond the range of a double, and \u escapes of lone surrogates, which are read as
// U+FFFD. In addition to that, refuses bytes that are not UTF-8, and texts over the limits below.
//
// Texts are read by msd's own scanner, because RapidJSON's reader refuses such numbers and escapes
// and does not report the position of a value. RapidJSON's Writer writes integers; only
// base/json*.cpp includes it. std::to_chars writes doubles, because its text is always the shortest
// and RapidJSON's is not.
namespace msd::json {

constexpr std::size_t depth_max = 64;         // levels of objects and arrays
constexpr std::size_t members_max = 1 << 16;  // of one object whose members are read
constexpr std::size_t elements_max = 1 << 20; // of one array whose elements are read
// Members and elements of a text, at all levels. The time of a scan depends on their number more
// than on the length of the text: this many take 10 ms.
constexpr std::size_t values_max = 1 << 20;

// The bounds of one text; lower ones for texts from clients (wire/request_size.hpp).
struct limits {
    std::size_t levels = depth_max;
    std::size_t members = members_max;
    std::size_t values = values_max;
};

class scanner;

enum class kind : std::uint8_t { null, boolean, number, string, array, object };

struct value {
    kind type = kind::null;
    std::string_view text; // raw JSON without surrounding white space

    /// The decoded string; nothing for other kinds.
    [[nodiscard]] std::optional<std::string> as_string() const;
    /// A number token whose value is that integer exactly (7, 7.0, 7e0); nothing otherwise.
    [[nodiscard]] std::optional<std::int64_t> as_int64() const;
    [[nodiscard]] std::optional<std::uint64_t> as_uint64() const;
    /// The nearest double of a number; nothing when it is out of their range.
    [[nodiscard]] std::optional<double> as_double() const;
    [[nodiscard]] std::optional<bool> as_bool() const;
};

struct member {
    std::string_view name; // decoded
    value val;
    std::string_view raw; // the whole member unchanged: `"name": value`
};

class object;

// A member whose value is read in the same pass when it is an object.
struct inner_object {
    std::string_view name;
    object* members = nullptr; // of its last occurrence that is an object
};

// The members of one JSON object in the order of the text. Views into the text that was parsed,
// which must outlive it; names that had escapes are owned here. Reusable: parse() keeps capacity.
// Moved, never copied: a copy's names would be views into the original.
class object {
public:
    object() = default;
    object(object&&) = default;
    object& operator=(object&&) = default;
    object(const object&) = delete;
    object& operator=(const object&) = delete;
    ~object() = default;

    /// The whole of `text` must be one object: RFC 8259 syntax, valid UTF-8, nothing but white
    /// space around it; errc::malformed otherwise. errc::too_large: nested deeper than
    /// `bounds.levels`. errc::invalid: more values, or more members of this object or of `within`,
    /// than `bounds` allows. After any of these the complete top-level members read before the
    /// fault stay readable, so that an error reply can name its key.
    [[nodiscard]] result<void>
    parse(std::string_view text, const limits& bounds = {}, inner_object within = {});

    /// The last member of that name, as in JSON.parse; null when there is none.
    [[nodiscard]] const value* find(std::string_view name) const;

    [[nodiscard]] auto begin() const { return members_.begin(); }
    [[nodiscard]] auto end() const { return members_.end(); }
    [[nodiscard]] std::size_t size() const { return members_.size(); }
    [[nodiscard]] bool empty() const { return members_.empty(); }
    /// The text that was parsed, from brace to brace.
    [[nodiscard]] std::string_view text() const { return text_; }

private:
    void clear();
    [[nodiscard]] bool
    read_members(scanner& input, const limits& bounds, const inner_object& within);
    [[nodiscard]] bool
    read_member(scanner& input, const limits& bounds, const inner_object& within);

    std::vector<member> members_;
    std::list<std::string> decoded_names_; // names with escapes, which are rare
    std::string_view text_;
};

/// The elements of `text`, which must be one JSON array; errors as for object::parse,
/// errc::too_large also for more than elements_max.
[[nodiscard]] result<std::vector<value>> elements(std::string_view text);

/// `text` as one JSON value of any kind; limits and errors as for object::parse, but its members
/// are not counted.
[[nodiscard]] result<value> parse(std::string_view text);

// Appends JSON to a string and adds commas and colons. Strings that are not valid UTF-8
// are written with U+FFFD for each bad byte. Misuse (a value where a key belongs) asserts. Outside
// of any object it writes one value, or members without braces when it begins with key().
class writer {
public:
    explicit writer(std::string& out) : out_{out} {}

    writer& begin_object();
    writer& end_object();
    writer& begin_array();
    writer& end_array();
    writer& key(std::string_view name);
    writer& string(std::string_view text);
    writer& integer(std::int64_t number);
    writer& unsigned_integer(std::uint64_t number);
    /// Shortest text that reads back as the same double; NaN and infinities become null.
    writer& real(double number);
    writer& boolean(bool truth);
    writer& null();
    /// `json` is one valid JSON value and is written as it stands.
    writer& raw(std::string_view json);
    /// Members of an object without its braces, or nothing: `"a":1,"b":2`.
    writer& raw_members(std::string_view members);

private:
    void before_value();
    void separate();
    writer& enter(char bracket, bool object);
    writer& leave(char bracket, bool object);

    [[nodiscard]] bool in_object() const { return (objects_ & 1U) != 0; }

    std::string& out_;
    std::uint64_t objects_ = 0; // one bit per open level, the innermost lowest: 1 for an object
    std::size_t depth_ = 0;
    bool comma_ = false;     // the next key or element needs one before it
    bool key_given_ = false; // its value comes next
};

/// Appends `text` as a JSON string literal; bad UTF-8 is written as in writer.
void append_quoted(std::string& out, std::string_view text);

/// `text` as a JSON string literal.
[[nodiscard]] std::string quote(std::string_view text);

/// True when every byte sequence of `text` is well-formed UTF-8 (RFC 3629).
[[nodiscard]] bool is_utf8(std::string_view text);

/// Number of code points of valid UTF-8.
[[nodiscard]] std::size_t code_points(std::string_view utf8);

} // namespace msd::json
