// SPDX-License-Identifier: Apache-2.0
#include "services/events/cloud_event.hpp"

#include "services/utc_text.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace msd::services {

namespace {

using problem = arguments::problem;

bool is_digit(char each) {
    return each >= '0' && each <= '9';
}

// Visible ASCII, as in a URI-reference; other characters of one are escaped.
bool is_visible(std::string_view text) {
    return std::ranges::all_of(text, [](char each) { return each > ' ' && each < '\x7F'; });
}

int number_in(std::string_view text, std::size_t at, std::size_t digits) {
    int number = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

// RFC 3339: 2024-01-31T12:00:00.5+09:00. Days are not checked against their month.
bool is_time(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00";
    constexpr std::size_t bytes_max = 64;
    if (text.size() <= form.size() || text.size() > bytes_max) {
        return false;
    }
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i]) {
            return false;
        }
    }
    const auto within = [text](std::size_t at, int least, int most) {
        const int number = number_in(text, at, 2);
        return number >= least && number <= most;
    };
    if (!within(5, 1, 12) || !within(8, 1, 31) || !within(11, 0, 23) || !within(14, 0, 59) ||
        !within(17, 0, 60)) {
        return false;
    }
    std::string_view rest = text.substr(form.size());
    if (rest.starts_with('.')) {
        const auto* const end = std::find_if_not(rest.begin() + 1, rest.end(), is_digit);
        if (end == rest.begin() + 1) {
            return false;
        }
        rest.remove_prefix(static_cast<std::size_t>(end - rest.begin()));
    }
    constexpr std::string_view offset = "+00:00";
    return rest == "Z" || (rest.size() == offset.size() && (rest[0] == '+' || rest[0] == '-') &&
                           is_digit(rest[1]) && is_digit(rest[2]) && rest[3] == ':' &&
                           is_digit(rest[4]) && is_digit(rest[5]));
}

struct attribute {
    std::string_view name;
    std::string store::event_fields::*member;
    std::size_t bytes_max;
    bool is_required;
    bool (*is_valid)(std::string_view);
    std::string_view form; // for people, when it is not valid
};

constexpr std::string_view visible_form = "may contain only visible ASCII characters, no spaces";

constexpr std::array attributes{
    attribute{
        "source",
        &store::event_fields::source,
        event_source_bytes_max,
        true,
        is_visible,
        visible_form},
    attribute{"id", &store::event_fields::id, event_id_bytes_max, true, is_visible, visible_form},
    attribute{
        "type",
        &store::event_fields::type,
        event_topic_bytes_max,
        true,
        is_topic,
        "may contain only letters, digits, '.', '-' and '_'"},
    attribute{
        "subject",
        &store::event_fields::subject,
        event_subject_bytes_max,
        false,
        is_visible,
        visible_form},
    attribute{
        "time",
        &store::event_fields::time,
        event_data_bytes_max,
        false,
        is_time,
        "must be a time like 2024-01-31T12:00:00Z"}};

bool is_json_type(std::string_view media_type) {
    return media_type == "application/json" || media_type == "application/json; charset=utf-8" ||
           media_type == "application/json;charset=utf-8";
}

// The attributes that are not members of event_fields.
or_problem<void> check_other(const json::member& given) {
    const auto text = given.val.as_string();
    if (given.name == "specversion") {
        return text == "1.0" ? or_problem<void>{}
                             : tl::unexpected{problem{"specversion", "must be \"1.0\""}};
    }
    if (given.name == "datacontenttype") {
        const bool is_json = text && is_json_type(*text);
        return is_json ? or_problem<void>{}
                       : tl::unexpected{
                             problem{"datacontenttype", "must be \"application/json\" or missing"}};
    }
    return tl::unexpected{problem{std::string{given.name}, "is not supported"}};
}

or_problem<void> read_attribute(store::event_fields& into, const json::member& given) {
    if (given.name == "data") {
        if (given.val.text.size() > event_data_bytes_max) {
            return tl::unexpected{problem{"data", "must have at most 24576 bytes"}};
        }
        into.data = given.val.text;
        return {};
    }
    const auto known = std::ranges::find(attributes, given.name, &attribute::name);
    if (known == attributes.end()) {
        return check_other(given);
    }
    auto text = given.val.as_string();
    if (!text || text->empty()) {
        return tl::unexpected{problem{std::string{given.name}, "must be a string, not empty"}};
    }
    if (text->size() > known->bytes_max) {
        return tl::unexpected{problem{
            std::string{given.name},
            "must have at most " + std::to_string(known->bytes_max) + " bytes"}};
    }
    if (!known->is_valid(*text)) {
        return tl::unexpected{problem{std::string{given.name}, std::string{known->form}}};
    }
    into.*known->member = std::move(*text);
    return {};
}

} // namespace

bool is_topic(std::string_view text) {
    const auto fits = [](char each) {
        return is_digit(each) || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
               each == '.' || each == '-' || each == '_';
    };
    return !text.empty() && text.size() <= event_topic_bytes_max && std::ranges::all_of(text, fits);
}

or_problem<store::event_fields> read_cloud_event(std::string_view json, std::int64_t now_ms) {
    json::object members;
    // Nothing but the data has levels.
    const json::limits bounds{.levels = event_data_levels_max + 1};
    if (const auto parsed = members.parse(json, bounds); !parsed) {
        const bool is_deep = parsed.error().code == errc::too_large;
        std::string name = is_deep ? "data" : "event";
        std::string what =
            is_deep ? "must have at most 32 levels of objects and arrays" : "must be a JSON object";
        return tl::unexpected{problem{std::move(name), std::move(what)}};
    }
    store::event_fields made;
    for (const json::member& each : members) {
        if (auto read = read_attribute(made, each); !read) {
            return tl::unexpected{std::move(read.error())};
        }
    }
    for (const attribute& each : attributes) {
        if (each.is_required && (made.*each.member).empty()) {
            return tl::unexpected{problem{std::string{each.name}, "is required"}};
        }
    }
    if (members.find("specversion") == nullptr) {
        return tl::unexpected{problem{"specversion", "is required"}};
    }
    if (made.time.empty()) {
        made.time = utc_text(now_ms);
    }
    return made;
}

void write_cloud_event(json::writer& out, const store::event_fields& event) {
    out.begin_object();
    out.key("specversion").string("1.0");
    out.key("id").string(event.id);
    out.key("source").string(event.source);
    out.key("type").string(event.type);
    if (!event.subject.empty()) {
        out.key("subject").string(event.subject);
    }
    out.key("time").string(event.time);
    if (!event.data.empty()) {
        out.key("datacontenttype").string("application/json");
        out.key("data").raw(event.data);
    }
    out.end_object();
}

} // namespace msd::services
