// SPDX-License-Identifier: Apache-2.0
#include "core/worker_message.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

namespace msd::core {

namespace {

using kind = worker_message::kind;

constexpr std::array<std::pair<kind, std::string_view>, 18> words{{
    {kind::hello, "HELLO"},
    {kind::ready, "READY"},
    {kind::extend, "EXTEND"},
    {kind::draining, "DRAINING"},
    {kind::drained, "DRAINED"},
    {kind::fatal, "FATAL"},
    {kind::drain, "DRAIN"},
    {kind::stop, "STOP"},
    {kind::hand_over, "HAND_OVER"},
    {kind::kept, "KEPT"},
    {kind::serve, "SERVE"},
    {kind::scale, "SCALE"},
    {kind::reopen, "REOPEN"},
    {kind::configure, "CONFIGURE"},
    {kind::configured, "CONFIGURED"},
    {kind::refused, "REFUSED"},
    {kind::ask, "ASK"},
    {kind::answered, "ANSWERED"},
}};

std::string bounded(std::string_view text, std::size_t bytes_max) {
    return std::string{cut_text(printable(text), bytes_max)};
}

std::size_t text_bytes_max(kind what) {
    return what == kind::hello ? worker_build_bytes_max : worker_reason_bytes_max;
}

} // namespace

std::string encode(const worker_message& message) {
    const auto* const row = std::find_if(words.begin(), words.end(), [&](const auto& word) {
        return word.first == message.what;
    });
    std::string datagram{row->second};
    if (!message.text.empty()) {
        datagram += ' ';
        datagram += message.text;
    }
    datagram.resize(std::min(datagram.size(), worker_message_bytes_max));
    return datagram;
}

result<worker_message> decode_worker_message(std::string_view datagram) {
    if (datagram.size() > worker_message_bytes_max) {
        return fail(errc::too_large, "the message on the control channel is too long");
    }
    const std::size_t space = std::min(datagram.find(' '), datagram.size());
    const std::string_view word = datagram.substr(0, space);
    for (const auto& [what, name] : words) {
        if (name == word) {
            const std::string_view text = datagram.substr(std::min(space + 1, datagram.size()));
            return worker_message{what, bounded(text, text_bytes_max(what))};
        }
    }
    return fail(errc::malformed, "the message on the control channel is unknown");
}

configure_answer read_configure_answer(std::string_view text) {
    const std::size_t space = std::min(text.find(' '), text.size());
    configure_answer read;
    const auto [stopped, failure] = std::from_chars(text.data(), text.data() + space, read.number);
    if (failure != std::errc{} || stopped != text.data() + space || read.number == 0) {
        return {};
    }
    read.reason = text.substr(std::min(space + 1, text.size()));
    return read;
}

} // namespace msd::core
