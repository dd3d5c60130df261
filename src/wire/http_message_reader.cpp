// SPDX-License-Identifier: Apache-2.0
#include "wire/http_message_reader.hpp"

#include "wire/http_message.hpp"

#include <algorithm>
#include <limits>

namespace msd::wire {

namespace {

// What a reader may keep from one message to the next.
constexpr std::size_t kept_line_bytes_max = 64;

constexpr std::string_view line_end = "\r\n";

} // namespace

const llhttp_settings_t& http_message_reader::callbacks() {
    static const llhttp_settings_t settings = [] {
        llhttp_settings_t chosen;
        llhttp_settings_init(&chosen);
        chosen.on_headers_complete = [](llhttp_t* machine) {
            static_cast<machine_notes*>(machine->data)->is_head_complete = true;
            machine->upgrade = 0; // what follows an upgrade is not given to llhttp
            return 0;
        };
        chosen.on_chunk_header = [](llhttp_t* machine) {
            static_cast<machine_notes*>(machine->data)->chunk_bytes = machine->content_length;
            return 0;
        };
        return chosen;
    }();
    return settings;
}

http_message_reader::http_message_reader(llhttp_type_t type, http_limits chosen) : bounds_{chosen} {
    llhttp_init(&machine_, type, &callbacks());
    machine_.data = &notes_;
}

bool http_message_reader::feed_machine(std::string_view bytes) {
    return llhttp_execute(&machine_, bytes.data(), bytes.size()) == HPE_OK;
}

// The same for a header or trailer line, up to the end of its value.
bool http_message_reader::feed_field(std::string_view content, std::string_view value) {
    if (value.data() + value.size() == content.data() + content.size()) {
        return feed_machine(line_);
    }
    const auto bytes = static_cast<std::size_t>(value.data() + value.size() - content.data());
    return feed_machine(content.substr(0, bytes)) && feed_machine(line_end);
}

http_fault http_message_reader::machine_fault() const {
    return {400, llhttp_get_error_reason(&machine_)};
}

http_event http_message_reader::fail(http_fault why) {
    fault_ = why;
    phase_ = phase::failed;
    return http_event::failed;
}

std::size_t http_message_reader::line_bytes_max() const {
    switch (phase_) {
    case phase::chunk_line:
        return chunk_line_bytes_max;
    case phase::behind_chunk:
        return line_end.size();
    case phase::trailer_line:
        return trailer_bytes_max - trailer_bytes_;
    default:
        return bounds_.head_bytes_max - head_bytes_;
    }
}

http_fault http_message_reader::line_too_long(std::string_view piece) const {
    switch (phase_) {
    case phase::chunk_line:
        return {400, "the size line of a chunk is too long: send fewer chunk extensions"};
    case phase::behind_chunk:
        return {400, "a chunk is longer than its size"};
    case phase::start_line: {
        // The same bytes decide however the line is cut.
        std::string begin = pending_;
        begin += piece.substr(0, line_bytes_max() - pending_.size());
        return start_line_too_long(begin);
    }
    default:
        return {431, "the header fields are too large"};
    }
}

// Takes the next line off `bytes`, or stores its beginning; false: the line is not complete, or it
// is refused.
bool http_message_reader::take_line(std::string_view& bytes) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline + (newline == bytes.npos ? 0 : 1));
    // Refused at once, so that bytes of another protocol (TLS, for example) are not collected up to
    // the limit.
    if (phase_ == phase::start_line && pending_.empty() && !piece.empty() &&
        line_end.find(piece.front()) == std::string_view::npos) {
        if (const http_fault bad = check_first_byte(piece.front())) {
            fail(bad);
            return false;
        }
    }
    if (pending_.size() + piece.size() > line_bytes_max()) {
        fail(line_too_long(piece));
        return false;
    }
    bytes.remove_prefix(piece.size());
    if (newline == std::string_view::npos || !pending_.empty()) {
        pending_ += piece;
    }
    line_ = pending_.empty() ? piece : pending_;
    return newline != std::string_view::npos;
}

http_event http_message_reader::on_line() {
    if (!line_.ends_with(line_end)) {
        return fail({400, "a line does not end with CR LF: end each line with both"});
    }
    const std::string_view content = line_.substr(0, line_.size() - line_end.size());
    switch (phase_) {
    case phase::start_line:
        return on_start_line(content);
    case phase::header_line:
        return content.empty() ? on_head_end() : on_header_line(content);
    case phase::chunk_line:
        return on_chunk_line(content);
    case phase::trailer_line:
        return on_trailer_line(content);
    default: // behind_chunk
        phase_ = phase::chunk_line;
        return feed_machine(line_) ? http_event::more : fail(machine_fault());
    }
}

http_event http_message_reader::on_start_line(std::string_view content) {
    if (const http_fault bad = content.empty() ? count_empty_line() : read_start_line(content)) {
        return fail(bad);
    }
    if (!content.empty()) {
        head_bytes_ += line_.size();
        phase_ = phase::header_line;
    }
    return http_event::more;
}

http_event http_message_reader::on_header_line(std::string_view content) {
    http_header_line parts;
    if (const http_fault bad = read_header_line(content, parts)) {
        return fail(bad);
    }
    if (fields_->size() == bounds_.headers_max) {
        return fail({431, "too many header fields"});
    }
    if (!feed_field(content, parts.value)) {
        return fail(machine_fault());
    }
    fields_->add(parts.name, parts.value);
    head_bytes_ += line_.size();
    return http_event::more;
}

http_event http_message_reader::on_head_end() {
    next_ = {};
    if (const http_fault bad = read_head_end(next_)) {
        return fail(bad);
    }
    if (!feed_machine(line_) || !notes_.is_head_complete) {
        return fail(machine_fault());
    }
    phase_ = next_.is_interim ? phase::interim_given : phase::head_given;
    return next_.is_interim ? http_event::interim : http_event::head;
}

http_event http_message_reader::after_head() {
    switch (next_.framing) {
    case http_framing::counted:
        phase_ = phase::counted_data;
        data_left_ = next_.bytes;
        return http_event::more;
    case http_framing::chunked:
        phase_ = phase::chunk_line;
        return http_event::more;
    case http_framing::until_close:
        phase_ = phase::data_until_close;
        data_left_ = std::numeric_limits<std::uint64_t>::max();
        return http_event::more;
    default:
        phase_ = phase::complete;
        return http_event::complete;
    }
}

http_event http_message_reader::on_chunk_line(std::string_view content) {
    std::string_view size;
    if (const http_fault bad = read_chunk_line(content, size)) {
        return fail(bad);
    }
    extension_bytes_ += content.size() - size.size();
    if (extension_bytes_ > chunk_extension_bytes_max) {
        return fail({400, "too many chunk extensions: send fewer"});
    }
    if (!feed_machine(size) || !feed_machine(line_end)) {
        return fail(machine_fault());
    }
    data_left_ = notes_.chunk_bytes;
    phase_ = data_left_ == 0 ? phase::trailer_line : phase::chunk_data;
    return http_event::more;
}

http_event http_message_reader::on_trailer_line(std::string_view content) {
    http_header_line parts;
    if (const http_fault bad = read_header_line(content, parts); bad && !content.empty()) {
        return fail(bad);
    }
    // A reader that takes trailers for headers would look for the end of the body again.
    if (same_text(parts.name, "Content-Length") || same_text(parts.name, "Transfer-Encoding")) {
        return fail({400, "the length of the body in its trailers: send it in the head"});
    }
    if (!feed_field(content, content.empty() ? content : parts.value)) {
        return fail(machine_fault());
    }
    trailer_bytes_ += line_.size();
    if (content.empty()) {
        phase_ = phase::complete;
        return http_event::complete;
    }
    if (trailers_.size() == bounds_.headers_max) {
        return fail({431, "too many trailer fields"});
    }
    if (is_allowed_in_trailers(parts.name)) {
        trailers_.add(parts.name, parts.value);
    }
    return http_event::more;
}

http_event http_message_reader::give_data(std::string_view& bytes) {
    if (data_left_ == 0) {
        phase_ = phase_ == phase::chunk_data ? phase::behind_chunk : phase::complete;
        return phase_ == phase::complete ? http_event::complete : http_event::more;
    }
    const std::string_view piece =
        bytes.substr(0, std::min<std::uint64_t>(data_left_, bytes.size()));
    if (piece.empty()) {
        return http_event::more;
    }
    if (phase_ == phase::chunk_data && !feed_machine(piece)) {
        return fail(machine_fault());
    }
    bytes.remove_prefix(piece.size());
    data_left_ -= phase_ == phase::data_until_close ? 0 : piece.size();
    body_piece_ = piece;
    return http_event::body;
}

http_event http_message_reader::advance(std::string_view& bytes) {
    switch (phase_) {
    case phase::interim_given:
        begin_head();
        break;
    case phase::head_given:
        return after_head();
    case phase::counted_data:
    case phase::chunk_data:
    case phase::data_until_close:
        return give_data(bytes);
    case phase::complete:
        return http_event::complete;
    case phase::failed:
        return http_event::failed;
    default:
        break;
    }
    if (!take_line(bytes)) {
        return phase_ == phase::failed ? http_event::failed : http_event::more;
    }
    const http_event what = on_line();
    line_ = {};
    pending_.clear();
    return what;
}

http_outcome http_message_reader::feed(std::string_view bytes) {
    std::string_view rest = bytes;
    http_event what = http_event::more;
    do {
        what = advance(rest);
    } while (what == http_event::more && !rest.empty());
    return {what, bytes.size() - rest.size()};
}

http_event http_message_reader::end() {
    if (phase_ == phase::head_given) { // a reply without a body is complete without more bytes
        after_head();
    }
    if (data_left_ == 0 && phase_ == phase::counted_data) {
        phase_ = phase::complete;
    }
    switch (phase_) {
    case phase::data_until_close:
        phase_ = phase::complete;
        return http_event::complete;
    case phase::complete:
        return http_event::complete;
    case phase::failed:
        return http_event::failed;
    case phase::start_line:
    case phase::interim_given:
        return fail({400, "the connection ended before a message"});
    case phase::header_line:
        return fail({400, "the connection ended within the head"});
    default:
        return fail({400, "the connection ended before the end of the body"});
    }
}

// Ready for the first line of a head. The limits of a head apply to each one.
void http_message_reader::begin_head() {
    llhttp_reset(&machine_);
    notes_ = {};
    head_bytes_ = 0;
    fields_->clear();
    phase_ = phase::start_line;
}

void http_message_reader::restart() {
    begin_head();
    trailers_.clear_and_keep(0);
    if (pending_.capacity() > kept_line_bytes_max) {
        pending_ = {};
    }
    body_piece_ = {};
    data_left_ = 0;
    extension_bytes_ = trailer_bytes_ = 0;
}

bool http_message_reader::is_before_message() const {
    return phase_ == phase::start_line && (pending_.empty() || pending_ == "\r");
}

void http_message_reader::abandon(http_fault why) {
    *fields_ = {};
    trailers_ = {};
    pending_ = {};
    line_ = {};
    body_piece_ = {};
    fail(why);
}

std::size_t http_message_reader::held_bytes() const {
    return pending_.capacity() + fields_->held_bytes() + trailers_.held_bytes();
}

} // namespace msd::wire
