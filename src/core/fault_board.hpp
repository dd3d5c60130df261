// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// Faults that a person injects for tests (`msd fault`): the master writes them to memory that all
// workers of the instance share, and workers apply them to their tries at the endpoints of services
// (upstream/injected_faults.hpp). So a worker that starts later has them too, and they survive
// rolls and upgrades in place.
namespace msd::core {

struct fault {
    static constexpr std::size_t service_bytes_max = 255;
    static constexpr std::size_t endpoint_bytes_max = 271; // a host name, and brackets and a port
    static constexpr std::uint64_t lose_after_max = std::uint64_t{1} << 40;
    static constexpr milliseconds delay_max{600'000};
    static constexpr unsigned percent_max = 100;

    std::uint32_t id = 0; // of a fault on the board; from 1
    std::string service;
    std::string endpoint;  // "host:port", as status and access log write it; empty: all
    milliseconds delay{0}; // before the endpoint is called
    int error = 0;         // status of the reply instead of the endpoint's; 0: none
    bool aborts = false;   // the connection to the endpoint breaks instead of the call
    std::optional<std::uint64_t> lose_after; // it breaks after so many bytes of the reply
    unsigned percent = 100;                  // of the tries
    time_point until;                        // it applies before this
};

// The memory. The master is its only writer, but any process that has it can have written any
// value: a reader takes no fault whose values are out of bounds. Zeroed memory has no faults.
class fault_board {
public:
    static constexpr std::size_t faults_max = 32;

    /// Changes whenever the faults do.
    [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

    /// The faults that have not expired; the older ones first. Nothing while they are being
    /// written, with `is_whole` false.
    [[nodiscard]] std::vector<fault> read(time_point now, bool& is_whole) const;
    [[nodiscard]] std::vector<fault> read(time_point now) const {
        bool is_whole = true;
        return read(now, is_whole);
    }

    /// Replaces them all by the first faults_max of `all`, whose values are within their bounds.
    void write(const std::vector<fault>& all);

private:
    template <std::size_t Most>
    struct text_cell {
        std::atomic<std::uint32_t> bytes;
        std::array<std::atomic<std::uint64_t>, (Most + 7) / 8> words;

        [[nodiscard]] std::string read() const;
        void write(const std::string& text);
    };

    struct cell {
        std::atomic<std::int64_t> until_ns; // steady clock; 0: no fault
        std::atomic<std::uint32_t> id;
        std::atomic<std::uint32_t> delay_ms;
        std::atomic<std::uint32_t> error;
        std::atomic<std::uint32_t> aborts;
        std::atomic<std::uint32_t> percent;
        std::atomic<std::uint64_t> lose_after; // one more than the bytes; 0: none are lost
        text_cell<fault::service_bytes_max> service;
        text_cell<fault::endpoint_bytes_max> endpoint;
    };

    static fault read(const cell& from);
    static void write(cell& to, const fault& what);

    std::atomic<std::uint64_t> version_; // odd while the cells are being written
    std::array<cell, faults_max> cells_;
};

static_assert(std::is_standard_layout_v<fault_board>);

/// "delay 200 ms, 5 %": what a fault does, for people.
[[nodiscard]] std::string fault_text(const fault& of);

} // namespace msd::core
