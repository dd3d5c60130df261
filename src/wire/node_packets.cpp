// SPDX-License-Identifier: Apache-2.0
#include "wire/node_packets.hpp"

#include "wire/packet.hpp"

#include <algorithm>
#include <utility>

namespace msd::wire {

void append_hello(std::string& out, const caller_hello& self) {
    std::string text;
    json::writer hello{text};
    hello.begin_object().key("hello").begin_object();
    hello.key("proto").integer(protocol_version);
    hello.key("name").string(self.name);
    hello.key("worker").integer(self.worker);
    if (self.receives_changes) {
        hello.key("changes").boolean(true);
    }
    hello.end_object().end_object();
    append_frame(out, text);
}

void append_hello_reply(std::string& out, const hello_reply& self) {
    std::string text;
    json::writer hello{text};
    hello.begin_object().key("hello").begin_object();
    hello.key("slot").integer(self.slot);
    hello.key("workers").integer(self.workers);
    hello.key("generation").unsigned_integer(self.generation);
    hello.end_object().end_object();
    append_frame(out, text);
}

result<hello_reply> read_hello_reply(const json::value& hello) {
    json::object said;
    if (const auto parsed = said.parse(hello.text); !parsed) {
        return tl::unexpected{parsed.error()};
    }
    const auto number = [&said](std::string_view name, int otherwise) {
        constexpr std::int64_t most = 4096;
        const json::value* const found = said.find(name);
        const auto value = found == nullptr ? std::nullopt : found->as_int64();
        return value && *value >= 0 && *value <= most ? static_cast<int>(*value) : otherwise;
    };
    hello_reply read;
    read.slot = number("slot", -1);
    read.workers = std::max(1, number("workers", 1));
    return read;
}

void append_cancel(std::string& out, std::uint64_t key) {
    append_frame(out, "{\"cancel\":" + std::to_string(key) + "}");
}

void append_goaway(std::string& out, std::uint64_t last_key) {
    append_frame(out, "{\"goaway\":{\"last_key\":" + std::to_string(last_key) + "}}");
}

void append_changed(std::string& out, const change& made) {
    std::string text;
    json::writer changed{text};
    changed.begin_object().key("changed").begin_object();
    changed.key("what").string(made.what);
    changed.key("ids").begin_array();
    for (const std::int64_t id : made.ids) {
        changed.integer(id);
    }
    changed.end_array();
    if (made.untold) {
        changed.key("untold").boolean(true);
    }
    changed.end_object().end_object();
    append_frame(out, text);
}

result<change> read_changed(const json::value& changed) {
    json::object fields;
    if (const auto parsed = fields.parse(changed.text); !parsed) {
        return tl::unexpected{parsed.error()};
    }
    const json::value* const what = fields.find("what");
    const json::value* const ids = fields.find("ids");
    auto name = what == nullptr ? std::nullopt : what->as_string();
    if (!name || ids == nullptr || ids->type != json::kind::array) {
        return fail(errc::malformed, "a change without a name and a list of ids");
    }
    const auto listed = json::elements(ids->text);
    if (!listed) {
        return tl::unexpected{listed.error()};
    }
    if (listed->size() > changed_ids_max) {
        return fail(errc::too_large, "too many changes in one packet");
    }
    change made;
    made.what = *std::move(name);
    const json::value* const untold = fields.find("untold");
    made.untold = untold != nullptr && untold->as_bool().value_or(false);
    for (const json::value& each : *listed) {
        const auto id = each.as_int64();
        if (!id) {
            return fail(errc::malformed, "an id of a change is not an integer");
        }
        made.ids.push_back(*id);
    }
    return made;
}

} // namespace msd::wire
