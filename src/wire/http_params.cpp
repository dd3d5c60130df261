// SPDX-License-Identifier: Apache-2.0
#include "wire/http_params.hpp"

#include "base/json.hpp"
#include "base/json_surrogates.hpp"
#include "wire/http_char.hpp"
#include "wire/http_line.hpp"
#include "wire/request_size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace msd::wire {

namespace {

using path_variables = std::span<const std::pair<std::string_view, std::string>>;

// Returns the text before the first `separator`; `text` becomes the rest after it.
std::string_view cut_front(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view front = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return front;
}

tl::unexpected<error> contradiction(std::string_view name) {
    return fail(
        errc::malformed,
        fmt::format(
            "parameter {} contradicts the path: leave it out or send the same value",
            json::quote(name)
        )
    );
}

// The values of a query or form by name, in the order in which the names first appear. Clients
// choose the names, and chosen names can make a hash table slow; therefore a tree.
class pairs {
public:
    struct entry {
        std::string name;
        std::vector<std::string> values;
    };

    result<void> parse(std::string_view text) {
        std::size_t count = 0;
        while (!text.empty()) {
            std::string_view value = cut_front(text, '&');
            if (value.empty()) {
                continue;
            }
            if (++count > pairs_max) {
                return fail(
                    errc::malformed,
                    fmt::format("more than {} parameters: send JSON instead", pairs_max)
                );
            }
            auto name = percent_decode(cut_front(value, '='), true);
            if (!name) {
                return tl::unexpected{std::move(name).error()};
            }
            auto decoded = percent_decode(value, true);
            if (!decoded) {
                return tl::unexpected{std::move(decoded).error()};
            }
            add(*std::move(name), *std::move(decoded));
        }
        return {};
    }

    [[nodiscard]] const std::vector<entry>& entries() const { return entries_; }

private:
    void add(std::string name, std::string value) {
        const auto [place, is_new] = places_.try_emplace(name, entries_.size());
        if (is_new) {
            entries_.push_back({std::move(name), {}});
        }
        entries_[place->second].values.push_back(std::move(value));
    }

    std::vector<entry> entries_;
    std::map<std::string, std::size_t> places_;
};

// Writes the params, one source after the other. A name that an earlier source has is skipped.
class params_writer {
public:
    explicit params_writer(path_variables path) : path_{path} { out_.begin_object(); }

    result<void> add_object(const json::object& body) {
        std::map<std::string_view, const json::member*> last;
        for (const json::member& member : body) {
            last[member.name] = &member;
        }
        for (const json::member& member : body) {
            if (last[member.name] != &member) {
                continue;
            }
            if (const std::string* variable = path_variable(member.name); variable == nullptr) {
                out_.raw_members(member.raw);
                given_.emplace(member.name);
            } else if (!agrees(member.val, *variable)) {
                return contradiction(member.name);
            }
        }
        return {};
    }

    result<void> add_pairs(const pairs& source) {
        for (const pairs::entry& entry : source.entries()) {
            if (const std::string* variable = path_variable(entry.name); variable != nullptr) {
                const bool all = std::ranges::all_of(entry.values, [variable](const auto& value) {
                    return value == *variable;
                });
                if (!all) {
                    return contradiction(entry.name);
                }
            } else if (given_.insert(entry.name).second) {
                write(entry);
            }
        }
        return {};
    }

    [[nodiscard]] std::string finish() {
        for (const auto& [name, value] : path_) {
            out_.key(name).string(value);
        }
        out_.end_object();
        return std::move(text_);
    }

private:
    [[nodiscard]] const std::string* path_variable(std::string_view name) const {
        const auto found =
            std::ranges::find(path_, name, &std::pair<std::string_view, std::string>::first);
        return found == path_.end() ? nullptr : &found->second;
    }

    static bool agrees(const json::value& value, const std::string& variable) {
        if (value.type == json::kind::string) {
            return value.as_string() == variable;
        }
        const auto wanted = json::value{json::kind::number, variable}.as_int64();
        return value.type == json::kind::number &&
               (value.text == variable || (wanted && value.as_int64() == wanted));
    }

    void write(const pairs::entry& entry) {
        out_.key(entry.name);
        if (entry.values.size() == 1) {
            out_.string(entry.values.front());
            return;
        }
        out_.begin_array();
        for (const std::string& value : entry.values) {
            out_.string(value);
        }
        out_.end_array();
    }

    path_variables path_;
    std::string text_;
    json::writer out_{text_};
    std::set<std::string, std::less<>> given_;
};

result<void> add_json(params_writer& out, std::string_view text) {
    json::object body;
    if (auto parsed = body.parse(text, body_bounds); !parsed) {
        return parsed;
    }
    if (const auto at = json::lone_surrogate(text)) {
        return fail(
            errc::malformed,
            fmt::format(
                "bad JSON at byte {}: {} is half of a surrogate pair: write both halves, or the "
                "character itself",
                *at,
                text.substr(*at, 6)
            )
        );
    }
    return out.add_object(body);
}

result<void> add_form(params_writer& out, std::string_view text) {
    pairs form;
    if (auto parsed = form.parse(text); !parsed) {
        return parsed;
    }
    return out.add_pairs(form);
}

constexpr bool is_form_name_char(char c) {
    return is_unreserved(c) || is_beyond_ascii(c) ||
           std::string_view{"*+%[]$!"}.find(c) != std::string_view::npos;
}

// True when the text begins with a name and `=`, and has no control character, as the form of a
// client that sends no media type. JSON and other formats with braces or brackets never begin so.
bool looks_like_form(std::string_view body) {
    const std::string_view name = body.substr(0, body.find('='));
    return !name.empty() && name.size() < body.size() &&
           std::ranges::all_of(name, is_form_name_char) && std::ranges::none_of(body, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
           });
}

result<void> add_untyped(params_writer& out, std::string_view text) {
    if (looks_like_form(text)) {
        return add_form(out, text);
    }
    auto added = add_json(out, text);
    if (!added && !text.starts_with('{')) {
        added.error().text += "; without a Content-Type the body has to be a form or JSON";
    }
    return added;
}

result<void> add_body(params_writer& out, const http_input& input) {
    if (input.body.empty()) {
        return {};
    }
    switch (input.kind) {
    case body_kind::none:
        return {};
    case body_kind::json:
        return add_json(out, input.body);
    case body_kind::form:
        return add_form(out, input.body);
    case body_kind::untyped:
        return add_untyped(out, input.body);
    case body_kind::unsupported:
        break;
    }
    return fail(errc::malformed, "the media type of the body is not supported");
}

} // namespace

body_kind body_kind_of(std::string_view content_type) {
    constexpr std::string_view suffix = "+json";
    const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
    if (type.empty()) {
        return body_kind::untyped;
    }
    if (same_text(type, "application/json") ||
        (type.size() > suffix.size() && same_text(type.substr(type.size() - suffix.size()), suffix)
        )) {
        return body_kind::json;
    }
    if (same_text(type, "application/x-www-form-urlencoded")) {
        return body_kind::form;
    }
    return body_kind::unsupported;
}

result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += plus_is_space && text[at] == '+' ? ' ' : text[at];
            continue;
        }
        const int high = at + 1 < text.size() ? hex_value(text[at + 1]) : -1;
        const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
        if (high < 0 || low < 0) {
            return fail(
                errc::malformed,
                "a % without two hexadecimal digits: write a percent sign as %25"
            );
        }
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    if (!json::is_utf8(out)) {
        return fail(
            errc::malformed,
            "a parameter is not UTF-8: encode its text as UTF-8, then percent-encode it"
        );
    }
    return out;
}

result<std::string> params_of(const http_input& input) {
    pairs query;
    if (auto parsed = query.parse(input.query); !parsed) {
        return tl::unexpected{std::move(parsed).error()};
    }
    params_writer out{input.path_variables};
    if (auto added = add_body(out, input); !added) {
        return tl::unexpected{std::move(added).error()};
    }
    if (auto added = out.add_pairs(query); !added) {
        return tl::unexpected{std::move(added).error()};
    }
    return out.finish();
}

} // namespace msd::wire
