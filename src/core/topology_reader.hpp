// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json_scanner.hpp"
#include "base/result.hpp"
#include "wire/request_size.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// A packet of a distributor with a list of nodes or changes of it, as texts of JSON: views into the
// packet. Absent members have no value.
struct topology_packet {
    enum class member : std::uint8_t { absent, array, other };

    bool is_topology = false; // GET /distributes
    bool has_proto = false;
    std::uint64_t proto = 1;
    std::optional<std::uint64_t> epoch;
    std::optional<std::uint64_t> rev;
    std::optional<std::uint64_t> since;
    std::uint64_t part = 0;
    bool more = false;
    member params = member::absent;
    std::vector<std::string_view> nodes; // the elements of params
    bool has_changes = false;
    member add = member::absent;
    std::vector<std::string_view> added;
    member remove = member::absent;
    std::vector<std::string_view> removed;

    bool operator==(const topology_packet&) const = default;
};

// Reads such a packet step by step: a list can have 16 MiB, and an event loop must not stand still
// while it is read. The text is checked as wire::packet checks it.
class topology_reader {
public:
    /// `frame` must outlive the reader and what it has read.
    explicit topology_reader(std::string_view frame) : input_{frame, wire::list_bounds.values} {}

    enum class progress : std::uint8_t { more, complete, malformed };

    /// Reads one value at least, and further ones while less than `bytes` were read in this step.
    [[nodiscard]] progress step(std::size_t bytes);

    /// After `complete`. To be called once.
    [[nodiscard]] topology_packet take();
    /// After `malformed`.
    [[nodiscard]] tl::unexpected<error> failure() const;

private:
    enum class place : std::uint8_t {
        start,
        name,        // of a member
        first,       // element of an array, or its end
        element,     // of an array
        after_value, // of a member
        end
    };

    [[nodiscard]] bool advance();
    [[nodiscard]] bool begin_object(bool in_changes);
    [[nodiscard]] bool read_name();
    [[nodiscard]] bool read_value(std::string_view name);
    [[nodiscard]] bool
    begin_array(topology_packet::member& what, std::vector<std::string_view>& to);
    [[nodiscard]] bool read_element();
    [[nodiscard]] bool after_value();
    void keep(std::string_view name, std::string_view text);

    json::scanner input_;
    topology_packet read_;
    place at_ = place::start;
    bool in_changes_ = false;
    std::vector<std::string_view>* elements_ = nullptr;
    bool has_too_many_ = false;
    std::string uri_;
    std::string method_;
};

/// Reads a whole packet at once.
[[nodiscard]] result<topology_packet> read_topology(std::string_view frame);

} // namespace msd::core
