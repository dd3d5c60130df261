// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace msd::core {

// A text that one worker publishes in memory shared with its master: a version, which is odd while
// the text is being written, its length and its bytes. A reader takes only a text that did not
// change meanwhile. Any process that has the memory can have written any value, so the reader
// treats the text as untrusted. Zeroed memory is a text that was not written.
class worker_text {
public:
    static constexpr std::size_t bytes_max = 4080;

    /// For the worker only. A text that is too long removes the one before.
    void write(std::string_view text);
    /// For a new worker; nobody else writes then.
    void clear() { write({}); }
    /// Nothing: there is none, or it is being written.
    [[nodiscard]] std::optional<std::string> read() const;

private:
    static constexpr std::size_t word_bytes = sizeof(std::uint64_t);

    std::atomic<std::uint64_t> version_;
    std::atomic<std::uint64_t> bytes_;
    std::array<std::atomic<std::uint64_t>, bytes_max / word_bytes> words_;
};

static_assert(std::is_standard_layout_v<worker_text> && sizeof(worker_text) == 4096);

} // namespace msd::core
