// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace msd::wire {

struct http_header {
    std::string_view name; // as sent
    std::string_view value;
};

// The header or trailer fields of a message, in their order. Names compare without case
// (RFC 9110, 5.1). A name can occur several times. All names and values are in one block of memory,
// so that a message costs two allocations, and none when its fields reuse the memory of an earlier
// message (clear()). Views into it are valid until the next call that adds or changes a field, and
// as long as the object lives; a move keeps them valid.
class http_fields {
public:
    using list = std::vector<http_header>;

    http_fields() = default;
    http_fields(const http_fields& other);
    http_fields(http_fields&& other) noexcept;
    http_fields& operator=(const http_fields& other);
    http_fields& operator=(http_fields&& other) noexcept;
    ~http_fields() = default;

    /// The texts are copied; they may be views into this object.
    void add(std::string_view name, std::string_view value);
    /// Removes every field of that name, then adds one.
    void set(std::string_view name, std::string_view value);
    /// Replaces the value of the field at `index`, which exists.
    void set_value(std::size_t index, std::string_view value);
    /// Returns how many were removed.
    std::size_t remove(std::string_view name);
    /// Removes the fields for which `belongs` is true: bool(const http_header&).
    template <class Predicate>
    std::size_t remove_if(Predicate belongs) {
        return std::erase_if(list_, belongs);
    }
    /// Removes all fields and keeps the memory for the next ones.
    void clear();
    /// Removes all fields, and frees the memory when it is more than `bytes_max`.
    void clear_and_keep(std::size_t bytes_max);

    /// The value of the first field of that name; null when there is none.
    [[nodiscard]] const std::string_view* find(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    [[nodiscard]] std::size_t count(std::string_view name) const;

    [[nodiscard]] bool empty() const { return list_.empty(); }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    [[nodiscard]] const http_header& operator[](std::size_t index) const { return list_[index]; }
    [[nodiscard]] list::const_iterator begin() const { return list_.begin(); }
    [[nodiscard]] list::const_iterator end() const { return list_.end(); }

    /// The memory that it holds.
    [[nodiscard]] std::size_t held_bytes() const;

private:
    using block = std::unique_ptr<char[]>;

    [[nodiscard]] block make_room(std::size_t bytes);
    [[nodiscard]] std::string_view keep(std::string_view text);

    list list_;
    block text_;
    std::size_t used_ = 0; // of text_
    std::size_t capacity_ = 0;
};

} // namespace msd::wire
