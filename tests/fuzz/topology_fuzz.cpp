// SPDX-License-Identifier: Apache-2.0
// Packets of a distributor, separated by terminators: read in steps as at once, agrees with the
// reader of all packets, and applying them keeps the sums and the reported changes right.
#include "core/topology.hpp"
#include "core/topology_reader.hpp"
#include "fuzz_target.hpp"
#include "wire/packet.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace {

using msd::fuzz::require;
using namespace msd::core;

std::optional<topology_packet> read_in_steps(std::string_view frame) {
    topology_reader reader{frame};
    for (;;) {
        switch (reader.step(1)) {
        case topology_reader::progress::more:
            continue;
        case topology_reader::progress::malformed:
            return std::nullopt;
        case topology_reader::progress::complete:
            return reader.take();
        }
    }
}

void check_reading(std::string_view frame) {
    const auto whole = read_topology(frame);
    require(read_in_steps(frame) == (whole ? std::optional{*whole} : std::nullopt), "steps agree");
    msd::wire::packet packet;
    const bool is_packet = packet.parse(frame).has_value();
    require(!is_packet || whole, "every packet can be read");
    if (is_packet && whole) {
        const bool is_topology = packet.kind() == msd::wire::packet_kind::request &&
                                 packet.uri() == registry_uri && packet.method() == "GET";
        require(is_topology == whole->is_topology, "the same packets are topologies");
    }
}

void follow(topology& known, std::map<node_id, node_info>& followed) {
    for (const node_change& change : known.take_changes()) {
        const node_id& id = (change.after ? change.after : change.before)->info.id;
        require(followed.contains(id) == (change.before != nullptr), "a change of a known node");
        if (change.after) {
            followed[id] = change.after->info;
        } else {
            followed.erase(id);
        }
    }
    require(followed.size() == known.size(), "the changes lead to the list");
    for (const node_info& node : known.nodes()) {
        require(followed.at(node.id) == node, "with the same nodes");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    topology at_once;
    topology in_steps;
    std::map<node_id, node_info> followed;
    for (std::string_view rest = input; !rest.empty();) {
        const std::size_t end = rest.find(msd::wire::terminator);
        const std::string_view frame = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
        check_reading(frame);
        const auto packet = read_topology(frame);
        if (!packet) {
            continue;
        }
        auto whole = at_once.begin(topology_packet{*packet});
        while (!whole) {
            whole = at_once.step(SIZE_MAX);
        }
        auto stepped = in_steps.begin(topology_packet{*packet});
        while (!stepped) {
            stepped = in_steps.step(1);
        }
        require(whole->has_value() == stepped->has_value(), "both apply it");
        require(!whole->has_value() || **whole == **stepped, "with the same outcome");
        require(at_once.nodes() == in_steps.nodes(), "to the same list");
        require(at_once.now() == in_steps.now(), "and revision");
        follow(at_once, followed);
    }
    return 0;
}
