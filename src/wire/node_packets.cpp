// SPDX-License-Identifier: Apache-2.0
#include "wire/node_packets.hpp"

#include "wire/packet.hpp"

#include <string>
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
    if (self.takes_streams) {
        hello.key("streams").boolean(true);
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
    // `into` keeps its value when the member is missing. False when the member is not an integer
    // in the range.
    const auto read_number = [&said](std::string_view name, int least, int most, int& into) {
        const json::value* const found = said.find(name);
        if (found == nullptr) {
            return true;
        }
        const auto value = found->as_int64();
        if (!value || *value < least || *value > most) {
            return false;
        }
        into = static_cast<int>(*value);
        return true;
    };
    hello_reply read;
    read.slot = -1;
    if (!read_number("slot", 0, hello_workers_max - 1, read.slot) ||
        !read_number("workers", 1, hello_workers_max, read.workers)) {
        return fail(
            errc::malformed,
            "in a hello, workers must be an integer from 1 to " +
                std::to_string(hello_workers_max) + ", and slot one from 0 to " +
                std::to_string(hello_workers_max - 1)
        );
    }
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
        return fail(
            errc::malformed,
            "a changed packet must have a name in what and an array in ids"
        );
    }
    const auto listed = json::elements(ids->text);
    if (!listed) {
        return tl::unexpected{listed.error()};
    }
    if (listed->size() > changed_ids_max) {
        return fail(
            errc::too_large,
            "a changed packet has more than " + std::to_string(changed_ids_max) + " ids"
        );
    }
    change made;
    made.what = *std::move(name);
    const json::value* const untold = fields.find("untold");
    made.untold = untold != nullptr && untold->as_bool().value_or(false);
    for (const json::value& each : *listed) {
        const auto id = each.as_int64();
        if (!id) {
            return fail(errc::malformed, "a changed packet has an id that is not an integer");
        }
        made.ids.push_back(*id);
    }
    return made;
}

} // namespace msd::wire
