// SPDX-License-Identifier: Apache-2.0
#include "core/configured_routes.hpp"

#include "wire/http_char.hpp"

#include <algorithm>

namespace msd::core {

std::string_view compared_host(std::string_view host, std::string& storage) {
    const bool is_literal = host.starts_with('[');
    const std::size_t end = is_literal ? host.find(']') : host.find(':');
    host = host.substr(0, is_literal && end != std::string_view::npos ? end + 1 : end);
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    const bool has_upper =
        std::any_of(host.begin(), host.end(), [](char c) { return c != wire::to_lower(c); });
    if (!has_upper) {
        return host;
    }
    storage.assign(host);
    std::transform(storage.begin(), storage.end(), storage.begin(), wire::to_lower);
    return storage;
}

// One walk through the places of one host's tree that fit a path. Literal segments come first, so
// the first result of each kind is the preferred one.
class configured_routes::search {
public:
    search(const configured_routes& table, std::string_view method, std::string_view path)
        : table_{table},
          method_{method},
          path_{path} {}

    [[nodiscard]] match run(segment_tree::place root) {
        walk(root, 0, {});
        if (full_ != nullptr) {
            return {&table_.routes_[full_->route], false, full_how_};
        }
        if (prefix_ != nullptr) {
            return {&table_.routes_[prefix_->route], false, precision::prefix};
        }
        return {};
    }

private:
    struct way {
        std::size_t depth = 0;
        bool has_variable = false;
    };

    // `at` is the position in the path where the next segment begins, with its "/".
    void walk(segment_tree::place where, std::size_t at, way here) {
        if (visited_++ >= branches_visited_max) {
            return;
        }
        const segment_tree::node& node = table_.tree_.at(where);
        if (at == path_.size()) {
            if (node.full != segment_tree::nothing) {
                full_ = table_.choose(node.full, method_);
                full_how_ = here.has_variable ? precision::pattern : precision::exact;
            }
            return;
        }
        if (node.prefix != segment_tree::nothing &&
            (prefix_ == nullptr || here.depth > prefix_depth_)) {
            if (const entry* const chosen = table_.choose(node.prefix, method_)) {
                prefix_ = chosen;
                prefix_depth_ = here.depth;
            }
        }
        const std::size_t end = std::min(path_.find('/', at + 1), path_.size());
        const std::string_view segment = path_.substr(at + 1, end - at - 1);
        if (segment.empty()) {
            return;
        }
        ++here.depth;
        if (node.has_literals) {
            const segment_tree::place next = table_.tree_.find(where, segment);
            if (next != segment_tree::nowhere) {
                walk(next, end, here);
            }
        }
        if (full_ == nullptr && node.variable != segment_tree::nowhere) {
            here.has_variable = true;
            walk(node.variable, end, here);
        }
    }

    const configured_routes& table_;
    std::string_view method_;
    std::string_view path_;
    std::size_t visited_ = 0;
    const entry* full_ = nullptr;
    precision full_how_ = precision::exact;
    const entry* prefix_ = nullptr;
    std::size_t prefix_depth_ = 0;
};

// Null when no route of the place is for this method.
const configured_routes::entry*
configured_routes::choose(std::uint32_t first, std::string_view method) const {
    const entry* second_best = nullptr;
    for (const entry* each = &entries_[first];; ++each) {
        const bool is_for_every = each->method == every_method;
        const std::string& wanted = methods_[each->method];
        if (!is_for_every && wanted == method) {
            return each;
        }
        if ((is_for_every && second_best == nullptr) || (method == "HEAD" && wanted == "GET")) {
            second_best = each;
        }
        if (each->is_last) {
            return second_best;
        }
    }
}

template <class Visit>
void configured_routes::for_each_host(std::string_view host, const Visit& visit) const {
    std::string storage;
    std::string_view name = has_hosts_ ? compared_host(host, storage) : std::string_view{};
    if (!name.empty()) {
        const segment_tree::place exact = tree_.find(segment_tree::exact_host, name);
        if (exact != segment_tree::nowhere && visit(exact, true)) {
            return;
        }
    }
    // The star stands for at least one character.
    name.remove_prefix(std::min<std::size_t>(name.size(), 1));
    std::size_t dot = has_wildcards_ ? name.find('.') : std::string_view::npos;
    while (dot != std::string_view::npos) {
        name.remove_prefix(dot);
        const segment_tree::place wildcard = tree_.find(segment_tree::wildcard_host, name);
        if (wildcard != segment_tree::nowhere && visit(wildcard, true)) {
            return;
        }
        dot = name.find('.', 1);
    }
    if (every_host_ != segment_tree::nowhere) {
        static_cast<void>(visit(every_host_, false));
    }
}

configured_routes::match
configured_routes::find(std::string_view method, std::string_view host, const request_path& path)
    const {
    match found;
    for_each_host(host, [&](segment_tree::place root, bool is_of_host) {
        found = search{*this, method, path.compared()}.run(root);
        found.is_of_host = is_of_host;
        return found.route != nullptr;
    });
    return found;
}

// The methods of each place of the tree that fits the path are tried; there are few.
void configured_routes::add_methods(
    std::set<std::string_view>& to,
    std::string_view host,
    const request_path& path
) const {
    for (const std::string& method : methods_) {
        if (!method.empty() && find(method, host, path).route != nullptr) {
            to.insert(method);
        }
    }
    if (to.contains("GET")) {
        to.insert("HEAD");
    }
}

} // namespace msd::core
