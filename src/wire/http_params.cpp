// SPDX-License-Identifier: Apache-2.0
#include "wire/http_params.hpp"

#include "base/json.hpp"

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

constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr int hex_digit(char c) {
    const char lower = ascii_lower(c);
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What stands before the first `separator`; `text` becomes what stands behind it.
std::string_view cut_front(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view front = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return front;
}

tl::unexpected<error> contradiction(std::string_view name) {
    return fail(
        errc::malformed,
        fmt::format("parameter {} contradicts the path", json::quote(name))
    );
}

// The values of a query or form by name, names in the order of their first appearance. Names come
// from clients: ordered trees, because they could make a hash table slow.
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
                return fail(errc::malformed, fmt::format("more than {} parameters", pairs_max));
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

// Writes the params, one source after the other; a name that an earlier source gave is left out.
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

result<void> add_body(params_writer& out, const http_input& input) {
    if (input.body.empty() || input.kind == body_kind::none) {
        return {};
    }
    if (input.kind == body_kind::json) {
        json::object body;
        // One level less than a packet may have: the params stand inside one.
        if (auto parsed = body.parse(input.body, json::depth_max - 1); !parsed) {
            return parsed;
        }
        return out.add_object(body);
    }
    if (input.kind == body_kind::form) {
        pairs form;
        if (auto parsed = form.parse(input.body); !parsed) {
            return parsed;
        }
        return out.add_pairs(form);
    }
    return fail(errc::malformed, "the media type of the body is not supported");
}

} // namespace

body_kind body_kind_of(std::string_view content_type) {
    std::string type{content_type.substr(0, content_type.find(';'))};
    std::erase_if(type, [](char c) { return c == ' ' || c == '\t'; });
    std::ranges::transform(type, type.begin(), ascii_lower);
    if (type.empty() || type == "application/json" || type.ends_with("+json")) {
        return body_kind::json;
    }
    if (type == "application/x-www-form-urlencoded") {
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
        const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
        const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
        if (high < 0 || low < 0) {
            return fail(errc::malformed, "a bad percent escape");
        }
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    if (!json::is_utf8(out)) {
        return fail(errc::malformed, "a percent-encoded text is not UTF-8");
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
