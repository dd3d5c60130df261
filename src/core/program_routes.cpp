// SPDX-License-Identifier: Apache-2.0
#include "core/program_routes.hpp"

#include "core/path_patterns.hpp"
#include "core/route_settings_check.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace msd::core {

struct program_routes::branch {
    std::map<std::string, std::unique_ptr<branch>, std::less<>> literals;
    std::unique_ptr<branch> variable;
    claims full;
    claims prefix;

    [[nodiscard]] bool is_empty() const {
        return literals.empty() && !variable && full.services.empty() && prefix.services.empty();
    }
};

namespace {

bool is_prefix(const route_info& route) {
    return route.path.ends_with('/');
}

std::size_t segments_of(std::string_view path, const path_segments& parts) {
    return parts.size() - (path.ends_with('/') ? 1 : 0);
}

} // namespace

// One walk through the branches that fit a path; configured_routes has the same order.
class program_routes::search {
public:
    explicit search(std::string_view path) : path_{path} {}

    [[nodiscard]] match run(const branch& root) {
        walk(root, 0, {});
        return full_.route ? full_ : prefix_;
    }

private:
    struct way {
        std::size_t depth = 0;
        bool has_variable = false;
    };

    void walk(const branch& here, std::size_t at, way so_far) {
        using enum configured_routes::precision;
        if (visited_++ >= configured_routes::branches_visited_max) {
            return;
        }
        if (at == path_.size()) {
            full_ = {here.full.current, so_far.has_variable ? pattern : exact};
            return;
        }
        if (here.prefix.current && (!prefix_.route || so_far.depth > prefix_depth_)) {
            prefix_ = {here.prefix.current, prefix};
            prefix_depth_ = so_far.depth;
        }
        const std::size_t end = std::min(path_.find('/', at + 1), path_.size());
        const std::string_view segment = path_.substr(at + 1, end - at - 1);
        if (segment.empty()) {
            return;
        }
        ++so_far.depth;
        if (const auto next = here.literals.find(segment); next != here.literals.end()) {
            walk(*next->second, end, so_far);
        }
        if (!full_.route && here.variable) {
            so_far.has_variable = true;
            walk(*here.variable, end, so_far);
        }
    }

    std::string_view path_;
    std::size_t visited_ = 0;
    match full_;
    match prefix_;
    std::size_t prefix_depth_ = 0;
};

program_routes::program_routes() : root_{std::make_unique<branch>()} {}

program_routes::~program_routes() = default;

bool program_routes::is_path(std::string_view path) {
    return check_path(path).has_value();
}

void program_routes::add(const node_info& node) {
    for (const route_info& each : node.routes) {
        if (!is_path(each.path)) {
            continue;
        }
        claims& of = claims_of(each);
        size_ += of.services.empty() ? 1 : 0;
        claims::counts& counts = of.services[node.id.name];
        ++counts.nodes;
        counts.strips += each.strip ? 1 : 0;
        ++counts.paths[each.path];
        renew(of);
    }
}

void program_routes::remove(const node_info& node) {
    for (const route_info& each : node.routes) {
        if (!is_path(each.path)) {
            continue;
        }
        claims& of = claims_of(each);
        const auto service = of.services.find(node.id.name);
        assert(service != of.services.end());
        claims::counts& counts = service->second;
        counts.strips -= each.strip ? 1 : 0;
        const auto path = counts.paths.find(each.path);
        assert(path != counts.paths.end());
        if (--path->second == 0) {
            counts.paths.erase(path);
        }
        if (--counts.nodes == 0) {
            of.services.erase(service);
        }
        renew(of);
        if (of.services.empty()) {
            --size_;
            drop_branches(each);
        }
    }
}

program_routes::claims& program_routes::claims_of(const route_info& route) {
    const path_segments parts{route.path};
    branch* at = root_.get();
    for (std::size_t place = 0; place < segments_of(route.path, parts); ++place) {
        if (is_variable(parts[place])) {
            if (!at->variable) {
                at->variable = std::make_unique<branch>();
            }
            at = at->variable.get();
            continue;
        }
        std::unique_ptr<branch>& next = at->literals[*compared_segment(parts[place])];
        if (!next) {
            next = std::make_unique<branch>();
        }
        at = next.get();
    }
    return is_prefix(route) ? at->prefix : at->full;
}

// Removes the branches of a path that have become empty.
void program_routes::drop_branches(const route_info& route) {
    const path_segments parts{route.path};
    const std::size_t depth = segments_of(route.path, parts);
    std::vector<branch*> way{root_.get()};
    for (std::size_t place = 0; place < depth; ++place) {
        branch& at = *way.back();
        way.push_back(
            is_variable(parts[place])
                ? at.variable.get()
                : at.literals.find(*compared_segment(parts[place]))->second.get()
        );
    }
    for (std::size_t place = depth; place > 0 && way[place]->is_empty(); --place) {
        branch& above = *way[place - 1];
        if (is_variable(parts[place - 1])) {
            above.variable.reset();
        } else {
            above.literals.erase(*compared_segment(parts[place - 1]));
        }
    }
}

// Makes the route agree with the claims. One that stays as it is is not replaced.
void program_routes::renew(claims& of) {
    if (of.services.empty()) {
        of.current.reset();
        return;
    }
    const auto& [service, counts] = *of.services.begin();
    const std::string& path = counts.paths.begin()->first;
    const bool strip = path.ends_with('/') && counts.strips == counts.nodes;
    if (of.current && of.current->service == service && of.current->path == path &&
        of.current->strip == strip) {
        return;
    }
    auto made = std::make_shared<program_route>();
    made->path = path;
    made->service = service;
    made->is_prefix = path.ends_with('/');
    made->strip = strip;
    made->segments = segments_of(path, path_segments{path});
    made->stripped = strip ? path.substr(0, path.size() - 1) : "";
    of.current = std::move(made);
}

program_routes::match program_routes::find(const request_path& path) const {
    return empty() ? match{} : search{path.compared()}.run(*root_);
}

std::vector<program_routes::route_ptr> program_routes::all() const {
    std::vector<route_ptr> found;
    const std::function<void(const branch&)> visit = [&](const branch& at) {
        for (const claims* each : {&at.full, &at.prefix}) {
            if (each->current) {
                found.push_back(each->current);
            }
        }
        for (const auto& [text, next] : at.literals) {
            visit(*next);
        }
        if (at.variable) {
            visit(*at.variable);
        }
    };
    visit(*root_);
    return found;
}

} // namespace msd::core
