// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_event.hpp"
#include "wire/http_fields.hpp"
#include "wire/http_line.hpp"

#include <cstddef>
#include <cstdint>
#include <llhttp.h>
#include <string>
#include <string_view>

// The part that the parsers of requests and replies share; only their source files include it.
namespace msd::wire {

// How the end of a body is found (RFC 9112, 6.3).
enum class http_framing : std::uint8_t { none, counted, chunked, until_close };

// Lines, fields, chunks and trailers of HTTP/1.1 from a byte stream, strictly: what two
// implementations could read differently is refused. Each line is checked here when it is complete,
// and only then handed to llhttp, which reads start lines, lengths and chunks: how a stream was cut
// into segments changes nothing. llhttp refuses some lines that the RFCs allow (a tab behind a
// value, most chunk extensions); it is given what is left without them. A subclass reads the start
// line, and decides at the end of the head how the body ends.
class http_message_reader {
public:
    static constexpr std::size_t chunk_line_bytes_max = 256;
    static constexpr std::size_t chunk_extension_bytes_max = 4UL * 1024; // a message
    static constexpr std::size_t trailer_bytes_max = 4UL * 1024;         // a message: 431

    virtual ~http_message_reader() = default;
    http_message_reader(const http_message_reader&) = delete;
    http_message_reader& operator=(const http_message_reader&) = delete;

    [[nodiscard]] http_outcome feed(std::string_view bytes);
    /// No bytes follow: completes a body that ends with the connection; else failed.
    [[nodiscard]] http_event end();

    [[nodiscard]] std::string_view body_piece() const { return body_piece_; }
    [[nodiscard]] const http_fields& trailers() const { return trailers_; }
    [[nodiscard]] http_fault fault() const { return fault_; }
    /// Before the first byte of a message, line ends apart.
    [[nodiscard]] bool is_before_message() const;
    [[nodiscard]] bool is_complete() const { return phase_ == phase::complete; }
    [[nodiscard]] std::size_t held_bytes() const;
    void abandon(http_fault why);

protected:
    // What follows the head that has ended.
    struct continuation {
        http_framing framing = http_framing::none;
        std::uint64_t bytes = 0; // of a counted body
        bool is_interim = false; // another head follows
    };

    http_message_reader(llhttp_type_t type, http_limits chosen);

    /// Where fields of heads go.
    void keep_fields_in(http_fields& fields) { fields_ = &fields; }
    /// Begins the next message.
    void restart();
    /// A message is not begun before restart().
    void wait_for_restart() { phase_ = phase::complete; }
    /// Hands bytes to llhttp; false when it refuses them.
    [[nodiscard]] bool feed_machine(std::string_view bytes);
    [[nodiscard]] llhttp_t& machine() { return machine_; }
    [[nodiscard]] http_fault machine_fault() const;
    /// The start line being read, with CR LF.
    [[nodiscard]] std::string_view line() const { return line_; }

    /// Whether a message can begin with this byte; a line end is always given on.
    [[nodiscard]] virtual http_fault check_first_byte(char first) const = 0;
    /// Of a start line whose end has not come within the limit; `begin` is what there is of it.
    [[nodiscard]] virtual http_fault start_line_too_long(std::string_view begin) const = 0;
    /// An empty line before a message; more are refused with this.
    [[nodiscard]] virtual http_fault count_empty_line() = 0;
    /// Checks and keeps the start line, and feeds it to llhttp.
    [[nodiscard]] virtual http_fault read_start_line(std::string_view content) = 0;
    [[nodiscard]] virtual http_fault read_head_end(continuation& next) = 0;

private:
    enum class phase : std::uint8_t {
        start_line,
        header_line,
        interim_given, // another head follows
        head_given,    // the next event depends on the body
        counted_data,
        chunk_line,
        chunk_data,
        behind_chunk, // the CR LF behind a chunk
        trailer_line,
        data_until_close,
        complete,
        failed,
    };

    // Results that the callbacks of llhttp leave.
    struct machine_notes {
        bool is_head_complete = false;
        std::uint64_t chunk_bytes = 0;
    };

    static const llhttp_settings_t& callbacks();

    http_event advance(std::string_view& bytes);
    bool take_line(std::string_view& bytes);
    http_event on_line();
    http_event on_start_line(std::string_view content);
    http_event on_header_line(std::string_view content);
    http_event on_head_end();
    http_event on_chunk_line(std::string_view content);
    http_event on_trailer_line(std::string_view content);
    http_event after_head();
    http_event give_data(std::string_view& bytes);
    void begin_head();

    [[nodiscard]] std::size_t line_bytes_max() const;
    [[nodiscard]] http_fault line_too_long(std::string_view piece) const;
    [[nodiscard]] bool feed_field(std::string_view content, std::string_view value);
    http_event fail(http_fault why);

    http_limits bounds_;
    llhttp_t machine_{};
    machine_notes notes_;
    http_fields* fields_ = nullptr;
    http_fields trailers_;
    std::string pending_;   // the beginning of a line whose end has not come yet
    std::string_view line_; // the line that take_line() completed, CR LF included
    std::string_view body_piece_;
    continuation next_;
    std::uint64_t data_left_ = 0; // of the counted body or of the chunk
    std::size_t head_bytes_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    phase phase_ = phase::start_line;
    http_fault fault_;
};

} // namespace msd::wire
