// SPDX-License-Identifier: Apache-2.0
#include "gateway/cache/reply_recorder.hpp"

#include "wire/event_stream.hpp"
#include "wire/http_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace msd::gateway {

namespace {

using wire::same_text;

constexpr std::int64_t seconds_max = 1 << 30; // RFC 9111, 1.2.2: more means the same

// The value of "NAME=123"; nothing when it is another directive or no number.
std::optional<milliseconds> seconds_of(std::string_view directive, std::string_view name) {
    const std::size_t equals = directive.find('=');
    if (equals == std::string_view::npos || !same_text(directive.substr(0, equals), name)) {
        return std::nullopt;
    }
    std::string_view digits = directive.substr(equals + 1);
    if (digits.size() > 1 && digits.starts_with('"') && digits.ends_with('"')) {
        digits = digits.substr(1, digits.size() - 2);
    }
    std::int64_t seconds = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, failure] = std::from_chars(digits.data(), end, seconds);
    if (failure == std::errc::result_out_of_range) {
        seconds = seconds_max;
    } else if (failure != std::errc{} || stopped != end || seconds < 0) {
        return std::nullopt;
    }
    return milliseconds{std::min(seconds, seconds_max) * 1000};
}

bool prohibits(std::string_view directive) {
    constexpr std::array<std::string_view, 6>
        all{"no-store", "private", "no-cache", "must-revalidate", "proxy-revalidate", "s-maxage"};
    const std::string_view name = directive.substr(0, directive.find('='));
    return std::ranges::any_of(all, [name](std::string_view each) {
        return same_text(name, each);
    });
}

std::string_view type_of(const http::reply_head& head) {
    const auto* const named = head.fields == nullptr ? nullptr : head.fields->find("content-type");
    return named == nullptr ? head.content_type : *named;
}

// Adopts what the field says about keeping the reply. False: it must not be kept.
bool read_field(kept_reply& reply, const wire::http_header& field) {
    bool may_keep = true;
    if (same_text(field.name, "set-cookie")) {
        return false;
    }
    if (same_text(field.name, "age")) {
        std::string directive{"age="};
        directive += field.value;
        reply.age = seconds_of(directive, "age").value_or(milliseconds{0});
    } else if (same_text(field.name, "vary")) {
        wire::for_each_in_list(field.value, [&may_keep](std::string_view name) {
            may_keep = may_keep && (name.empty() || same_text(name, "accept-encoding"));
        });
    } else if (same_text(field.name, "cache-control")) {
        wire::for_each_in_list(field.value, [&may_keep, &reply](std::string_view directive) {
            may_keep = may_keep && !prohibits(directive);
            reply.fresh_for = seconds_of(directive, "max-age").value_or(reply.fresh_for);
            if (const auto useful = seconds_of(directive, "stale-if-error")) {
                reply.useful = useful;
            }
        });
    }
    return may_keep;
}

} // namespace

void reply_recorder::stop_recording() {
    key_.clear();
    if (reply_) {
        store_.give_back(reply_->body.size());
        reply_.reset();
    }
}

void reply_recorder::send_head(const http::reply_head& head) {
    if (!key_.empty() && head.status == 200 && !wire::is_event_stream(type_of(head))) {
        reply_ = std::make_unique<kept_reply>();
        reply_->type = head.content_type;
        bool may_keep = true;
        if (head.fields != nullptr) {
            for (const wire::http_header& field : *head.fields) {
                may_keep = may_keep && read_field(*reply_, field);
            }
            reply_->fields = *head.fields;
            reply_->fields.remove("age");
        }
        content_length_ = head.content_length;
        if (!may_keep) {
            store_.remove(key_); // the earlier reply has been replaced by one that is not kept
            stop_recording();
        }
    }
    if (!reply_) {
        key_.clear();
    }
    client_.send_head(head);
}

void reply_recorder::add(std::string_view bytes) {
    if (!reply_) {
        return;
    }
    if (store_.grow(reply_->body.size(), bytes.size())) {
        reply_->body.append(bytes);
    } else {
        stop_recording();
    }
}

void reply_recorder::send(std::string_view bytes) {
    add(bytes);
    client_.send(bytes);
}

void reply_recorder::send(std::shared_ptr<const void> owner, std::string_view bytes) {
    add(bytes);
    client_.send(std::move(owner), bytes);
}

void reply_recorder::finish(const wire::http_fields* trailers) {
    if (reply_ && content_length_.value_or(reply_->body.size()) == reply_->body.size()) {
        const std::size_t recorded = reply_->body.size();
        reply_->received = clock::now();
        store_.give_back(recorded);
        store_.put(std::exchange(key_, {}), std::move(*reply_));
        reply_.reset();
    } else {
        stop_recording();
    }
    client_.finish(trailers);
}

void reply_recorder::reset() {
    stop_recording();
    client_.reset();
}

} // namespace msd::gateway
