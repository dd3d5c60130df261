// SPDX-License-Identifier: Apache-2.0
#include "wire/http_fields.hpp"

#include "wire/http_line.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace msd::wire {

namespace {

// The first allocation; a head of a program or a small client fits.
constexpr std::size_t first_text_bytes = 256;
constexpr std::size_t first_fields = 8;

} // namespace

http_fields::http_fields(const http_fields& other) {
    *this = other;
}

http_fields::http_fields(http_fields&& other) noexcept
    : list_{std::move(other.list_)},
      text_{std::move(other.text_)},
      used_{std::exchange(other.used_, 0)},
      capacity_{std::exchange(other.capacity_, 0)} {
    other.list_.clear();
}

http_fields& http_fields::operator=(const http_fields& other) {
    if (this != &other) {
        clear();
        for (const http_header& field : other) {
            add(field.name, field.value);
        }
    }
    return *this;
}

http_fields& http_fields::operator=(http_fields&& other) noexcept {
    if (this != &other) {
        list_ = std::move(other.list_);
        other.list_.clear();
        text_ = std::move(other.text_);
        used_ = std::exchange(other.used_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
}

// Makes room for so many bytes of text. Returns the former block, which views given by the caller
// may point into, when there is a new one. The new block holds only the fields that still exist, so
// that fields that are replaced again and again take no memory.
http_fields::block http_fields::make_room(std::size_t bytes) {
    if (capacity_ - used_ >= bytes) {
        return {};
    }
    std::size_t live = bytes;
    for (const http_header& field : list_) {
        live += field.name.size() + field.value.size();
    }
    capacity_ = std::max(first_text_bytes, 2 * live);
    used_ = 0;
    block former = std::exchange(text_, std::make_unique_for_overwrite<char[]>(capacity_));
    for (http_header& field : list_) {
        field.name = keep(field.name);
        field.value = keep(field.value);
    }
    return former;
}

std::string_view http_fields::keep(std::string_view text) {
    char* const at = text_.get() + used_;
    if (!text.empty()) {
        std::memcpy(at, text.data(), text.size());
    }
    used_ += text.size();
    return {at, text.size()};
}

void http_fields::add(std::string_view name, std::string_view value) {
    const block former = make_room(name.size() + value.size());
    if (list_.capacity() == 0) {
        list_.reserve(first_fields);
    }
    const std::string_view kept_name = keep(name);
    list_.push_back({kept_name, keep(value)});
}

void http_fields::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void http_fields::set_value(std::size_t index, std::string_view value) {
    assert(index < list_.size());
    const block former = make_room(value.size());
    list_[index].value = keep(value);
}

std::size_t http_fields::remove(std::string_view name) {
    return remove_if([name](const http_header& field) { return same_text(field.name, name); });
}

void http_fields::clear() {
    list_.clear();
    used_ = 0;
}

void http_fields::clear_and_keep(std::size_t bytes_max) {
    if (held_bytes() > bytes_max) {
        *this = http_fields{};
    } else {
        clear();
    }
}

const std::string_view* http_fields::find(std::string_view name) const {
    const auto found = std::ranges::find_if(list_, [name](const http_header& field) {
        return same_text(field.name, name);
    });
    return found == list_.end() ? nullptr : &found->value;
}

std::size_t http_fields::count(std::string_view name) const {
    const auto found = std::ranges::count_if(list_, [name](const http_header& field) {
        return same_text(field.name, name);
    });
    return static_cast<std::size_t>(found);
}

std::size_t http_fields::held_bytes() const {
    return capacity_ + list_.capacity() * sizeof(http_header);
}

} // namespace msd::wire
