// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What is wrong in one configuration file. All problems are collected, so that people can fix them
// together.
namespace msd::config {

struct problem {
    std::size_t line = 0; // 0: of the file as a whole
    std::string key;      // empty: a mistake of syntax
    std::string text;
};

class problems {
public:
    void add(std::size_t line, std::string key, std::string text) {
        all_.push_back({line, std::move(key), std::move(text)});
    }

    /// `text` begins with "FILE:LINE: ", as the sources of entries do.
    void add_located(std::string_view file, std::string_view text);

    [[nodiscard]] bool empty() const { return all_.empty(); }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    /// Whether a problem of that key was added.
    [[nodiscard]] bool has(std::string_view key) const;

    /// Whether `text` contains a key that has a problem.
    [[nodiscard]] bool has_key_in(std::string_view text) const;

    /// One line per problem, `FILE:LINE: KEY: what is wrong`, in the order of the file and without
    /// unprintable characters. At most `most` problems; a last line counts the others.
    [[nodiscard]] std::string report(std::string_view file, std::size_t most) const;

private:
    std::vector<problem> all_;
};

} // namespace msd::config
