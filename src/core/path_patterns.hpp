// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/route_claims.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace msd::core {

// The segments of a path, "/a/b" is "a", "b"; none when there are more than segments_max. Longer
// paths are only compared with exact paths. Views into the path.
class path_segments {
public:
    static constexpr std::size_t segments_max = 32;

    explicit path_segments(std::string_view path);

    [[nodiscard]] const std::string_view* begin() const { return parts_.data(); }
    [[nodiscard]] const std::string_view* end() const { return parts_.data() + size_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::string_view operator[](std::size_t index) const { return parts_[index]; }

private:
    std::array<std::string_view, segments_max> parts_;
    std::size_t size_ = 0;
};

/// "{id}" stands for any segment.
[[nodiscard]] bool is_variable(std::string_view segment);
/// "{id}" is "id".
[[nodiscard]] std::string_view variable_name(std::string_view segment);
[[nodiscard]] bool has_variable(const path_segments& path);

// The routes whose paths have variables, as a tree of segments: finding the patterns that fit a
// path costs as much as the path is long, however many patterns there are. Adding and removing one
// costs a search in each segment's neighbours.
class path_patterns {
public:
    struct pattern {
        std::string key;               // without the names of variables: "/goods/?"
        std::size_t literal_bytes = 0; // before the first variable
        std::size_t variables = 0;
        path_offers offers;

        /// Whether this pattern is preferred to `other` when both fit a path.
        [[nodiscard]] bool precedes(const pattern& other) const;
    };

    /// The offers of a pattern, which is added when it is not known.
    [[nodiscard]] path_offers& offers_of(const path_segments& path);
    /// Null when it is not known.
    [[nodiscard]] const pattern* find(const path_segments& path) const;
    /// Removes a pattern that has no offers any more.
    void remove(const path_segments& path);

    /// The preferred one of the patterns that fit the path and that `suits` accepts, or null. Each
    /// variable gets one segment that is not empty and has valid percent-encoding.
    using condition = std::function<bool(const pattern&)>;
    [[nodiscard]] const pattern* preferred(const path_segments& path, const condition& suits) const;
    /// Calls `visit` for each pattern that fits the path, up to the limit of branches.
    void for_each_fitting(
        const path_segments& path,
        const std::function<void(const pattern&)>& visit
    ) const;
    void for_each(const std::function<void(const pattern&)>& visit) const;
    [[nodiscard]] bool empty() const { return root_.is_empty(); }

    // Paths visit one branch for each combination of literals and variables that fits; nobody needs
    // as many as this. The rest is not looked at, so that no request costs more.
    static constexpr std::size_t branches_visited_max = 1000;

private:
    struct branch {
        std::map<std::string, std::unique_ptr<branch>, std::less<>> literals;
        std::unique_ptr<branch> variable;
        std::unique_ptr<pattern> here;

        [[nodiscard]] bool is_empty() const { return literals.empty() && !variable && !here; }
    };
    class search;

    static bool remove_below(branch& at, const path_segments& path, std::size_t depth);
    static void visit_below(const branch& at, const std::function<void(const pattern&)>& visit);

    branch root_;
};

} // namespace msd::core
