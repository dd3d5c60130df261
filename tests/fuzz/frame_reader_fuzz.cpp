// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/frame_reader.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using msd::fuzz::require;
using msd::wire::frame_reader;

constexpr std::size_t packet_bytes_max = 64; // small, so that inputs often exceed it

struct outcome {
    std::vector<std::string> packets;
    bool too_large = false;
    bool foreign = false;

    bool operator==(const outcome&) const = default;
};

void feed(frame_reader& reader, std::string_view bytes, outcome& seen) {
    const auto room = reader.prepare(bytes.size());
    require(room.size() >= bytes.size(), "prepare() gives the room asked for");
    std::copy(bytes.begin(), bytes.end(), room.begin());
    reader.commit(bytes.size());
    for (;;) {
        const auto [state, packet] = reader.next();
        if (state != frame_reader::status::complete) {
            seen.too_large = state == frame_reader::status::too_large;
            seen.foreign = state == frame_reader::status::foreign;
            return;
        }
        require(!packet.empty() && packet.size() <= packet_bytes_max, "packets keep their bounds");
        seen.packets.emplace_back(packet);
    }
}

// Reads segments of `step` bytes and releases the buffer whenever that is possible.
outcome read(std::string_view stream, std::size_t step, bool is_sender_known = true) {
    frame_reader reader{packet_bytes_max};
    reader.expect_packets(!is_sender_known);
    outcome seen;
    while (!stream.empty() && !seen.too_large && !seen.foreign) {
        feed(reader, stream.substr(0, step), seen);
        stream.remove_prefix(std::min(step, stream.size()));
        if (step % 2 == 1) {
            reader.release_idle();
        }
    }
    return seen;
}

// Written independently of the reader: whether a stream may come from a sender that is not known.
bool may_be_packets(std::string_view stream) {
    const std::size_t spaces = std::min(stream.find_first_not_of(" \t\r\n"), stream.size());
    const std::string_view first = stream.substr(spaces, 2);
    return spaces <= frame_reader::leading_space_max &&
           (first.empty() || first.front() == '{' || first == "\xC2" || first == "\xC2\xB6");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view stream = msd::fuzz::text_of(data, size);
    const outcome whole = read(stream, std::max<std::size_t>(1, size));
    require(!whole.foreign, "a known sender may begin with anything");
    for (const std::size_t step : {1U, 2U, 3U, 7U, 64U}) {
        require(read(stream, step) == whole, "segments change nothing");
        const outcome checked = read(stream, step, false);
        require(checked.foreign != may_be_packets(stream), "only packets begin a stream");
        require(checked.foreign || checked == whole, "the check changes nothing else");
    }
    for (const std::string& packet : whole.packets) {
        const outcome again = read(packet + "\xC2\xB6", packet.size() + 2);
        require(again.packets == std::vector{packet}, "a packet sent on is the same packet");
    }
    return 0;
}
