// SPDX-License-Identifier: Apache-2.0
// What a worker sends to its master, and the printable form of any text.
#include "base/json.hpp"
#include "base/printable.hpp"
#include "core/worker_message.hpp"
#include "fuzz_target.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace {

using msd::core::worker_message;
using msd::fuzz::require;

void check_printable(std::string_view text) {
    const std::string shown = msd::printable(text);
    require(!msd::has_unprintable(shown), "nothing unprintable is left");
    require(msd::printable(shown) == shown, "a printable text stays as it is");
    require((shown == text) == !msd::has_unprintable(text), "only what is unprintable changes");
    require(!msd::has_unprintable(msd::printable_json(text)), "nor in JSON");
    const std::string lines = msd::printable_lines(text);
    const auto count = [](std::string_view of) {
        return std::count(of.begin(), of.end(), '\n');
    };
    require(count(lines) == count(text), "only line feeds stay");
    require(msd::display_columns(shown) <= 2 * shown.size(), "columns are bounded");
}

void check_json(std::string_view text) {
    msd::json::object before;
    if (!before.parse(text)) {
        return;
    }
    const std::string shown = msd::printable_json(text);
    msd::json::object after;
    require(after.parse(shown).has_value(), "JSON stays JSON");
    require(after.size() == before.size(), "with all members");
    for (const msd::json::member& each : before) {
        const msd::json::value* const same = after.find(each.name);
        require(same == nullptr || same->type == each.val.type, "of the same kind");
    }
}

void check_message(std::string_view datagram) {
    const auto message = msd::core::decode_worker_message(datagram);
    if (!message) {
        return;
    }
    require(message->text.size() <= msd::core::worker_message_bytes_max, "texts are bounded");
    require(!msd::has_unprintable(message->text), "texts are printable");
    const auto answer = msd::core::read_configure_answer(message->text);
    require(answer.number != 0 || answer.reason.empty(), "a reason follows a number");
    const auto again = msd::core::decode_worker_message(encode(*message));
    require(again.has_value() && again->what == message->what, "it can be sent again");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text{msd::fuzz::text_of(data, size)};
    check_printable(text);
    check_json(text);
    check_message(text);
    return 0;
}
