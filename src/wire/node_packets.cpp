// SPDX-License-Identifier: Apache-2.0
#include "wire/node_packets.hpp"

#include "base/json.hpp"
#include "wire/packet.hpp"

namespace msd::wire {

void append_hello(std::string& out, std::string_view name, int worker) {
    std::string text;
    json::writer hello{text};
    hello.begin_object().key("hello").begin_object();
    hello.key("proto").integer(protocol_version);
    hello.key("name").string(name);
    hello.key("worker").integer(worker);
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

void append_cancel(std::string& out, std::uint64_t key) {
    append_frame(out, "{\"cancel\":" + std::to_string(key) + "}");
}

void append_goaway(std::string& out, std::uint64_t last_key) {
    append_frame(out, "{\"goaway\":{\"last_key\":" + std::to_string(last_key) + "}}");
}

} // namespace msd::wire
