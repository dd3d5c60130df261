// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace msd::wire {

struct http_header {
    std::string name; // as sent
    std::string value;
};

// The header or trailer fields of a message, in their order. Names compare without case
// (RFC 9110, 5.1). A name can occur several times.
class http_fields {
public:
    using list = std::vector<http_header>;

    void add(std::string_view name, std::string_view value);
    /// Removes every field of that name, then adds one.
    void set(std::string_view name, std::string_view value);
    /// Returns how many were removed.
    std::size_t remove(std::string_view name);
    void clear() { list_.clear(); }

    /// The value of the first field of that name; null when there is none. Valid until the next
    /// change.
    [[nodiscard]] const std::string* find(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    [[nodiscard]] std::size_t count(std::string_view name) const;

    [[nodiscard]] bool empty() const { return list_.empty(); }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    [[nodiscard]] list::const_iterator begin() const { return list_.begin(); }
    [[nodiscard]] list::const_iterator end() const { return list_.end(); }
    [[nodiscard]] list::iterator begin() { return list_.begin(); }
    [[nodiscard]] list::iterator end() { return list_.end(); }

private:
    list list_;
};

} // namespace msd::wire
