// SPDX-License-Identifier: Apache-2.0
#include "services/events/event_messages.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace msd::services {

namespace {

using problem = arguments::problem;

constexpr std::size_t leases_max = 1000; // of each kind in one settlement

tl::unexpected<problem> wrong(std::string_view field, std::string text) {
    return tl::unexpected{problem{std::string{field}, std::move(text)}};
}

or_problem<void> parse_members(json::object& into, std::string_view json) {
    return into.parse(json) ? or_problem<void>{} : wrong("params", "must be a JSON object");
}

// A group has the form of a topic.
or_problem<std::string> read_group(const json::object& from) {
    const json::value* const given = from.find("group");
    auto text = given == nullptr ? std::nullopt : given->as_string();
    if (!text || !is_topic(*text)) {
        return wrong(
            "group",
            "is required: 1 to 128 letters, digits, '.', '-' and '_' as a string"
        );
    }
    return std::move(*text);
}

or_problem<std::vector<std::string>> read_topics(const json::object& from) {
    const json::value* const given = from.find("topics");
    const auto all = given == nullptr ? fail(errc::malformed, "") : json::elements(given->text);
    if (!all || all->empty() || all->size() > store::group_topics_max) {
        return wrong("topics", "is required: an array of 1 to 8 strings");
    }
    std::vector<std::string> topics;
    for (const json::value& each : *all) {
        auto text = each.as_string();
        if (!text || !is_topic(*text)) {
            return wrong("topics", "a topic has 1 to 128 letters, digits, '.', '-' and '_'");
        }
        topics.push_back(std::move(*text));
    }
    return topics;
}

or_problem<std::vector<store::leased>>
read_leases(const json::object& from, std::string_view field) {
    std::vector<store::leased> leases;
    const json::value* const given = from.find(field);
    if (given == nullptr) {
        return leases;
    }
    const auto all = json::elements(given->text);
    if (!all || all->size() > leases_max) {
        return wrong(field, "must be an array of at most 1000 objects");
    }
    for (const json::value& each : *all) {
        json::object members;
        const bool is_object = members.parse(each.text).has_value();
        const json::value* const position = is_object ? members.find("position") : nullptr;
        const json::value* const lease = is_object ? members.find("lease") : nullptr;
        const auto at = position == nullptr ? std::nullopt : position->as_int64();
        const auto under = lease == nullptr ? std::nullopt : lease->as_int64();
        if (!at || !under) {
            return wrong(field, "each is an object with the integers position and lease");
        }
        leases.push_back({*at, *under});
    }
    return leases;
}

void write_leases(
    json::writer& out,
    std::string_view field,
    const std::vector<store::leased>& leases
) {
    if (leases.empty()) {
        return;
    }
    out.key(field).begin_array();
    for (const store::leased& each : leases) {
        out.begin_object().key("position").integer(each.position);
        out.key("lease").integer(each.lease).end_object();
    }
    out.end_array();
}

std::optional<std::int64_t> integer_in(const json::object& from, std::string_view name) {
    const json::value* const given = from.find(name);
    return given == nullptr ? std::nullopt : given->as_int64();
}

or_problem<store::delivery> read_delivery(std::string_view json) {
    json::object members;
    const bool is_object = members.parse(json).has_value();
    const auto position = is_object ? integer_in(members, "position") : std::nullopt;
    const auto lease = is_object ? integer_in(members, "lease") : std::nullopt;
    const auto tries = is_object ? integer_in(members, "tries") : std::nullopt;
    const json::value* const event = is_object ? members.find("event") : nullptr;
    if (!position || !lease || !tries || event == nullptr) {
        return wrong("results", "each has position, lease, tries and event");
    }
    auto fields = read_cloud_event(event->text, 0);
    if (!fields) {
        return tl::unexpected{std::move(fields.error())};
    }
    return store::delivery{{*position, std::move(*fields)}, *lease, *tries};
}

} // namespace

or_problem<std::vector<store::event_fields>>
read_events(std::string_view json, std::int64_t now_ms) {
    std::vector<std::string_view> texts{json};
    if (json.starts_with('[')) {
        const auto all = json::elements(json);
        if (!all || all->empty() || all->size() > store::published_at_once_max) {
            return wrong("events", "must be one event, or an array of 1 to 256 events");
        }
        texts.clear();
        for (const json::value& each : *all) {
            texts.push_back(each.text);
        }
    }
    std::vector<store::event_fields> events;
    for (const std::string_view text : texts) {
        auto read = read_cloud_event(text, now_ms);
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        events.push_back(std::move(*read));
    }
    return events;
}

std::string events_text(const std::vector<store::event_fields>& events) {
    std::string text;
    json::writer out{text};
    out.begin_array();
    for (const store::event_fields& each : events) {
        write_cloud_event(out, each);
    }
    out.end_array();
    return text;
}

or_problem<store::pull_request> read_pull(std::string_view json) {
    json::object members;
    if (auto parsed = parse_members(members, json); !parsed) {
        return tl::unexpected{std::move(parsed.error())};
    }
    auto group = read_group(members);
    if (!group) {
        return tl::unexpected{std::move(group.error())};
    }
    auto topics = read_topics(members);
    if (!topics) {
        return tl::unexpected{std::move(topics.error())};
    }
    store::pull_request made;
    made.group = std::move(*group);
    made.topics = std::move(*topics);
    if (const json::value* const limit = members.find("limit"); limit != nullptr) {
        const auto number = limit->as_int64();
        if (!number || *number < 1 || *number > store::handed_out_at_once_max) {
            return wrong("limit", "must be an integer from 1 to 100");
        }
        made.limit = *number;
    }
    if (const json::value* const rebuilds = members.find("rebuilds"); rebuilds != nullptr) {
        const auto truth = rebuilds->as_bool();
        if (!truth) {
            return wrong("rebuilds", "must be true or false");
        }
        made.rebuilds = *truth;
    }
    return made;
}

std::string pull_text(const store::pull_request& wanted) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("group").string(wanted.group);
    out.key("topics").begin_array();
    for (const std::string& each : wanted.topics) {
        out.string(each);
    }
    out.end_array().key("limit").integer(wanted.limit);
    out.key("rebuilds").boolean(wanted.rebuilds).end_object();
    return text;
}

std::string pulled_members(const store::pulled& from) {
    std::string text;
    json::writer out{text};
    out.key("results").begin_array();
    for (const store::delivery& each : from.events) {
        out.begin_object().key("position").integer(each.event.position);
        out.key("lease").integer(each.lease).key("tries").integer(each.tries).key("event");
        write_cloud_event(out, each.event.fields);
        out.end_object();
    }
    out.end_array().key("generation").integer(from.generation).key("floor").integer(from.floor);
    return text;
}

or_problem<store::pulled> read_pulled(std::string_view json) {
    json::object members;
    if (auto parsed = parse_members(members, json); !parsed) {
        return tl::unexpected{std::move(parsed.error())};
    }
    const json::value* const results = members.find("results");
    const auto generation = integer_in(members, "generation");
    const auto floor = integer_in(members, "floor");
    const auto all = results == nullptr ? fail(errc::malformed, "") : json::elements(results->text);
    if (!all || !generation || !floor) {
        return wrong("results", "are required with generation and floor");
    }
    store::pulled made{{}, *generation, *floor};
    for (const json::value& each : *all) {
        auto read = read_delivery(each.text);
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        made.events.push_back(std::move(*read));
    }
    return made;
}

or_problem<store::settlement> read_settlement(std::string_view json) {
    json::object members;
    if (auto parsed = parse_members(members, json); !parsed) {
        return tl::unexpected{std::move(parsed.error())};
    }
    auto group = read_group(members);
    if (!group) {
        return tl::unexpected{std::move(group.error())};
    }
    store::settlement made;
    made.group = std::move(*group);
    for (const auto& [field, into] :
         {std::pair{"done", &made.done},
          std::pair{"failed", &made.failed},
          std::pair{"returned", &made.returned}}) {
        auto leases = read_leases(members, field);
        if (!leases) {
            return tl::unexpected{std::move(leases.error())};
        }
        *into = std::move(*leases);
    }
    if (const json::value* const text = members.find("problem"); text != nullptr) {
        made.problem = text->as_string().value_or("");
        if (made.problem.size() > store::problem_bytes_max) {
            return wrong("problem", "must have at most 256 bytes");
        }
    }
    return made;
}

std::string settlement_text(const store::settlement& made) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("group").string(made.group);
    write_leases(out, "done", made.done);
    write_leases(out, "failed", made.failed);
    write_leases(out, "returned", made.returned);
    if (!made.problem.empty()) {
        out.key("problem").string(made.problem);
    }
    out.end_object();
    return text;
}

} // namespace msd::services
