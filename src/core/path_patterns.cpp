// SPDX-License-Identifier: Apache-2.0
#include "core/path_patterns.hpp"

#include "wire/http_params.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace msd::core {

namespace {

// The pattern without the names of its variables: "/goods/?". A literal segment has no '?'.
std::string key_of(const path_segments& path) {
    std::string key;
    for (const std::string_view part : path) {
        key += '/';
        key += is_variable(part) ? "?" : part;
    }
    return key;
}

bool fits_variable(std::string_view part) {
    if (part.find('%') == std::string_view::npos) {
        return !part.empty();
    }
    const auto decoded = wire::percent_decode(part, false);
    return decoded && !decoded->empty();
}

} // namespace

path_segments::path_segments(std::string_view path) {
    while (path.starts_with('/')) {
        if (size_ == segments_max) {
            size_ = 0;
            return;
        }
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        parts_[size_++] = path.substr(0, end);
        path.remove_prefix(end);
    }
}

bool is_variable(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::string_view variable_name(std::string_view segment) {
    return segment.substr(1, segment.size() - 2);
}

bool has_variable(const path_segments& path) {
    return std::any_of(path.begin(), path.end(), is_variable);
}

bool path_patterns::pattern::precedes(const pattern& other) const {
    return std::tie(other.literal_bytes, variables, key) <
           std::tie(literal_bytes, other.variables, other.key);
}

// One walk through the branches that fit a path.
class path_patterns::search {
public:
    search(const path_segments& path, const std::function<bool(const pattern&)>& accept)
        : path_{path},
          accept_{accept} {}

    // Literals come first. A pattern that was accepted there has the longer literal beginning, so
    // no variable at an earlier segment can be preferred to it: then the walk ends.
    bool walk(const branch& at, std::size_t depth, bool after_variable) {
        if (visited_++ >= branches_visited_max) {
            return false;
        }
        if (depth == path_.size()) {
            return at.here && accept_(*at.here);
        }
        bool accepted = false;
        if (const auto next = at.literals.find(path_[depth]); next != at.literals.end()) {
            accepted = walk(*next->second, depth + 1, after_variable);
        }
        if ((!accepted || after_variable) && at.variable && fits_variable(path_[depth])) {
            const bool more = walk(*at.variable, depth + 1, true);
            accepted = accepted || more;
        }
        return accepted;
    }

private:
    const path_segments& path_;
    const std::function<bool(const pattern&)>& accept_;
    std::size_t visited_ = 0;
};

path_offers& path_patterns::offers_of(const path_segments& path) {
    branch* at = &root_;
    for (const std::string_view part : path) {
        if (is_variable(part)) {
            if (!at->variable) {
                at->variable = std::make_unique<branch>();
            }
            at = at->variable.get();
            continue;
        }
        auto next = at->literals.find(part);
        if (next == at->literals.end()) {
            next = at->literals.emplace(part, std::make_unique<branch>()).first;
        }
        at = next->second.get();
    }
    if (!at->here) {
        at->here = std::make_unique<pattern>();
        at->here->key = key_of(path);
        at->here->literal_bytes = at->here->key.find('?');
        at->here->variables =
            static_cast<std::size_t>(std::count_if(path.begin(), path.end(), is_variable));
    }
    return at->here->offers;
}

const path_patterns::pattern* path_patterns::find(const path_segments& path) const {
    const branch* at = &root_;
    for (const std::string_view part : path) {
        if (is_variable(part)) {
            at = at->variable.get();
        } else {
            const auto next = at->literals.find(part);
            at = next == at->literals.end() ? nullptr : next->second.get();
        }
        if (at == nullptr) {
            return nullptr;
        }
    }
    return at->here.get();
}

void path_patterns::remove(const path_segments& path) {
    remove_below(root_, path, 0);
}

// Removes the branches that have become empty; true when this one has.
bool path_patterns::remove_below(branch& at, const path_segments& path, std::size_t depth) {
    if (depth == path.size()) {
        at.here.reset();
        return at.is_empty();
    }
    if (is_variable(path[depth])) {
        if (remove_below(*at.variable, path, depth + 1)) {
            at.variable.reset();
        }
        return at.is_empty();
    }
    const auto next = at.literals.find(path[depth]);
    assert(next != at.literals.end());
    if (remove_below(*next->second, path, depth + 1)) {
        at.literals.erase(next);
    }
    return at.is_empty();
}

const path_patterns::pattern*
path_patterns::preferred(const path_segments& path, const condition& suits) const {
    const pattern* best = nullptr;
    const std::function<bool(const pattern&)> accept = [&](const pattern& candidate) {
        if (!suits(candidate)) {
            return false;
        }
        if (best == nullptr || candidate.precedes(*best)) {
            best = &candidate;
        }
        return true;
    };
    search{path, accept}.walk(root_, 0, false);
    return best;
}

void path_patterns::for_each_fitting(
    const path_segments& path,
    const std::function<void(const pattern&)>& visit
) const {
    const std::function<bool(const pattern&)> accept = [&](const pattern& fitting) {
        visit(fitting);
        return false; // so that the walk goes on
    };
    search{path, accept}.walk(root_, 0, false);
}

void path_patterns::for_each(const std::function<void(const pattern&)>& visit) const {
    visit_below(root_, visit);
}

void path_patterns::visit_below(
    const branch& at,
    const std::function<void(const pattern&)>& visit
) {
    if (at.here) {
        visit(*at.here);
    }
    for (const auto& [text, next] : at.literals) {
        visit_below(*next, visit);
    }
    if (at.variable) {
        visit_below(*at.variable, visit);
    }
}

} // namespace msd::core
