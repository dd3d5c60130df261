// SPDX-License-Identifier: Apache-2.0
#include "base/masking.hpp"

#include "base/json.hpp"
#include "base/secret_names.hpp"
#include "base/unescape.hpp"

#include <algorithm>
#include <cstddef>

namespace msd {

namespace {

constexpr std::string_view quoted_mask = "\"***\"";
constexpr std::string_view separators = "-_. ";
constexpr std::size_t quoted_name_bytes_max = 64; // of a name in single quotes

constexpr int levels_max = 4; // of strings in strings

constexpr auto npos = std::string_view::npos;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_space(char c) {
    return is_blank(c) || c == '\n' || c == '\r';
}

bool is_alphanumeric(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

// Copies a text and masks its secrets on the way.
class masker {
public:
    masker(std::string_view text, int level) : text_{text}, level_{level} {}

    /// The masked text.
    [[nodiscard]] std::string run();
    /// After run(): something was masked.
    [[nodiscard]] bool has_masked() const { return has_masked_; }

private:
    void step();
    void quoted();
    void single_quoted();
    void assignment();
    void colon();
    void mask_inside(std::size_t begin, std::size_t end);
    void check_encoded(std::size_t begin);
    void replace(std::size_t begin, std::size_t end, std::string_view by);
    void start_name(std::size_t at);

    [[nodiscard]] std::size_t skip_blanks(std::size_t at) const;
    [[nodiscard]] std::size_t skip_spaces(std::size_t at) const;
    [[nodiscard]] std::size_t closing_quote(std::size_t at) const;
    [[nodiscard]] std::size_t end_of_value(std::size_t at) const;
    [[nodiscard]] std::size_t end_of_container(std::size_t at) const;
    [[nodiscard]] std::size_t end_of_assigned(std::size_t at, bool whole_line) const;
    [[nodiscard]] std::size_t end_of_line(std::size_t at) const;
    [[nodiscard]] char byte_at(std::size_t index) const {
        return index < text_.size() ? text_[index] : '\0';
    }

    std::string_view text_;
    int level_;
    std::string out_;
    std::size_t copied_ = 0; // bytes of text_ that are in out_, masked or not
    std::size_t at_ = 0;     // the next byte to look at
    // The word before at_, and the word before that one. They are the name if `=` or `:` follows.
    std::size_t name_begin_ = 0;
    std::size_t name_end_ = 0;
    std::size_t previous_begin_ = 0;
    bool starts_line_ = true;    // only blanks are between the name and the begin of its line
    bool starts_member_ = false; // only white space is between the name and a `{` or `,`
    bool is_form_ = false;       // the text begins with name=
    std::size_t checked_ = 0;    // up to here, assigned values contain no percent-escape
    bool has_masked_ = false;
};

std::string masker::run() {
    while (at_ < text_.size()) {
        step();
    }
    out_.append(text_.substr(copied_));
    return std::move(out_);
}

void masker::step() {
    const char c = text_[at_];
    switch (c) {
    case '"':
        return quoted();
    case '\'':
        return single_quoted();
    case '=':
        return assignment();
    case ':':
        return colon();
    case '\n':
    case '\r':
    case '{':
    case ',':
        start_name(at_ + 1);
        starts_line_ = c == '\n' || c == '\r';
        starts_member_ = !starts_line_;
        return;
    case '&':
    case '?':
    case ';':
    case '}':
    case '(':
    case ')':
    case '<':
    case '>':
        return start_name(at_ + 1);
    default:
        break;
    }
    if (!is_blank(c)) {
        if (name_end_ != at_ && name_end_ > name_begin_) { // a second word
            previous_begin_ = name_begin_;
            name_begin_ = at_;
            starts_line_ = starts_member_ = false;
        } else if (name_end_ <= name_begin_) {
            name_begin_ = at_;
        }
        name_end_ = at_ + 1;
    }
    ++at_;
}

void masker::start_name(std::size_t at) {
    at_ = name_begin_ = name_end_ = previous_begin_ = at;
    starts_line_ = false;
    starts_member_ = false;
}

void masker::replace(std::size_t begin, std::size_t end, std::string_view by) {
    out_.append(text_.substr(copied_, begin - copied_)).append(by);
    copied_ = end;
    has_masked_ = true;
}

// A string in double quotes is the name of a member when a colon follows it. A string that is not
// closed ends with the text, which may be cut.
void masker::quoted() {
    const std::size_t begin = at_ + 1;
    const std::size_t end = closing_quote(at_);
    const std::size_t next = skip_spaces(end + 1);
    if (byte_at(next) != ':' && byte_at(next) != '=') {
        mask_inside(begin, end);
        return start_name(std::min(end + 1, text_.size()));
    }
    const std::size_t value = skip_spaces(next + 1);
    if (!is_secret_name(unescaped(text_.substr(begin, end - begin)))) {
        return start_name(value);
    }
    const std::size_t value_end = end_of_value(value);
    if (value_end > value) {
        replace(value, value_end, quoted_mask);
    }
    start_name(value_end);
}

void masker::mask_inside(std::size_t begin, std::size_t end) {
    const std::string_view content = text_.substr(begin, end - begin);
    if (!may_hold_secret(content)) {
        return;
    }
    if (level_ >= levels_max) {
        return replace(begin, end, secret_mask);
    }
    const std::string plain = unescaped(content);
    masker inner{plain, level_ + 1};
    const std::string hidden = inner.run();
    if (inner.has_masked()) {
        const std::string literal = json::quote(hidden);
        replace(begin, end, std::string_view{literal}.substr(1, literal.size() - 2));
    }
}

// 'name': 'value' or 'name' = 'value'. Other single quotes are apostrophes.
void masker::single_quoted() {
    const std::size_t begin = at_ + 1;
    std::size_t end = begin;
    const auto is_in_name = [](char c) {
        return is_alphanumeric(c) || c == '%' || separators.find(c) != npos;
    };
    while (end - begin < quoted_name_bytes_max && is_in_name(byte_at(end))) {
        ++end;
    }
    const std::size_t next = skip_spaces(end + 1);
    const bool is_name =
        byte_at(end) == '\'' && end > begin && (byte_at(next) == ':' || byte_at(next) == '=');
    if (!is_name) {
        return start_name(begin);
    }
    const std::size_t value = skip_spaces(next + 1);
    if (!is_secret_name(text_.substr(begin, end - begin))) {
        return start_name(value);
    }
    const std::size_t value_end = end_of_value(value);
    if (value_end > value) {
        replace(value, value_end, secret_mask);
    }
    start_name(value_end);
}

void masker::assignment() {
    const std::string_view name = text_.substr(name_begin_, name_end_ - name_begin_);
    is_form_ = is_form_ || (name_begin_ == 0 && name_end_ == at_ && at_ > 0);
    const bool secret = is_secret_name(name) ||
                        holds_api_key(text_.substr(previous_begin_, name_end_ - previous_begin_));
    const std::size_t value = skip_blanks(at_ + 1);
    if (!secret) {
        return check_encoded(value);
    }
    const std::size_t end = end_of_assigned(value, fills_line(name));
    if (end > value) {
        replace(value, end, secret_mask);
    }
    start_name(end);
}

// The value may be a whole form, or JSON, in percent-encoding.
void masker::check_encoded(std::size_t begin) {
    if (begin < checked_) {
        return start_name(at_ + 1);
    }
    const std::size_t end = end_of_assigned(begin, false);
    const std::string_view value = text_.substr(begin, end - begin);
    checked_ = end;
    if (value.find('%') == npos) {
        return start_name(at_ + 1);
    }
    const std::string plain = percent_unescaped(value);
    const bool hidden = level_ >= levels_max ? may_hold_secret(plain) : [&] {
        masker inner{plain, level_ + 1};
        static_cast<void>(inner.run());
        return inner.has_masked();
    }();
    if (hidden) {
        replace(begin, end, secret_mask);
    }
    start_name(end);
}

// A header line, `name: value`, or a member in JavaScript notation, `{name: 'value'}`.
void masker::colon() {
    const std::string_view name = text_.substr(name_begin_, name_end_ - name_begin_);
    const bool is_plain = !name.empty() && name.find('.') == npos;
    if ((starts_line_ || starts_member_) && is_plain && is_secret_name(name)) {
        const std::size_t value = skip_blanks(at_ + 1);
        const std::size_t end = starts_line_ ? end_of_line(value) : end_of_value(value);
        if (end > value) {
            replace(value, end, secret_mask);
        }
        return start_name(end);
    }
    start_name(at_ + 1);
}

std::size_t masker::skip_blanks(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) {
        ++at;
    }
    return at;
}

std::size_t masker::skip_spaces(std::size_t at) const {
    while (at < text_.size() && is_space(text_[at])) {
        ++at;
    }
    return at;
}

// The closing quote of the string that begins at `at`, or the end of the text.
std::size_t masker::closing_quote(std::size_t at) const {
    const char quote = text_[at++];
    while (at < text_.size() && text_[at] != quote) {
        at += text_[at] == '\\' ? 2 : 1;
    }
    return std::min(at, text_.size());
}

std::size_t masker::end_of_value(std::size_t at) const {
    const char first = byte_at(at);
    if (first == '"' || first == '\'') {
        return std::min(closing_quote(at) + 1, text_.size());
    }
    if (first == '{' || first == '[') {
        return end_of_container(at);
    }
    return std::min(text_.find_first_of(",}])&\r\n\"", at), text_.size());
}

std::size_t masker::end_of_container(std::size_t at) const {
    int depth = 0;
    while (at < text_.size()) {
        const char c = text_[at];
        if (c == '"') {
            at = closing_quote(at) + 1;
            continue;
        }
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        ++at;
        if (depth == 0) {
            break;
        }
    }
    return std::min(at, text_.size());
}

// In a form, only & ends a value.
std::size_t masker::end_of_assigned(std::size_t at, bool whole_line) const {
    if (is_form_) {
        return std::min(text_.find('&', at), text_.size());
    }
    const char first = byte_at(at);
    if (first == '"' || first == '\'' || first == '{' || first == '[') {
        return end_of_value(at);
    }
    const std::string_view ends = whole_line ? "\r\n" : "& \t\r\n";
    return std::min(text_.find_first_of(ends, at), text_.size());
}

std::size_t masker::end_of_line(std::size_t at) const {
    return std::min(text_.find_first_of("\r\n", at), text_.size());
}

} // namespace

std::string masked(std::string_view text) {
    return may_hold_secret(text) ? masker{text, 0}.run() : std::string{text};
}

} // namespace msd
