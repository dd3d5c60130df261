// SPDX-License-Identifier: Apache-2.0
#include "core/registry_handover.hpp"
#include "fuzz_target.hpp"

#include <string>

namespace {

using msd::fuzz::require;
namespace core = msd::core;

constexpr core::registry_settings settings;
constexpr msd::time_point now{msd::milliseconds{3'000'000}};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto read = core::read_handover(msd::fuzz::text_of(data, size), settings);
    if (!read) {
        require(!read.error().text.empty(), "a refusal says why");
        return 0;
    }
    const auto written = core::write_handover(read->state, read->connections);
    require(written.has_value(), "what was read can be handed on");
    const auto again = core::read_handover(*written, settings);
    require(again.has_value(), "and is understood there");
    require(again->state.nodes().now() == read->state.nodes().now(), "as the same revision");
    require(again->connections.size() == read->connections.size(), "with the same connections");
    const auto has_room = [](core::registry::peer_id id, std::size_t /*bytes*/) {
        return id % 2 == 0;
    };
    core::registry& state = read->state;
    static_cast<void>(state.advance(now, has_room));
    for (const core::registry::peer_id id : state.peer_ids()) {
        state.prove(id);
        state.note_packet(id);
        state.resume(id, now);
        state.deregister(id, "1", now);
        static_cast<void>(state.advance(now, has_room));
        state.disconnect(id, now);
    }
    const auto last = state.advance(now + msd::milliseconds{100'000}, has_room);
    require(state.peers() == 0, "everybody can leave");
    require(state.nodes().contradictions(1).empty(), "and nobody contradicts then");
    return 0;
}
