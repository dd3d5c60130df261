// SPDX-License-Identifier: Apache-2.0
// How the routes of the configuration become a table.
#include "core/configured_routes.hpp"
#include "core/path_patterns.hpp"
#include "core/route_settings_check.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace msd::core {

class route_compiler {
public:
    using table_ptr = std::shared_ptr<const configured_routes>;

    [[nodiscard]] result<table_ptr> run(std::vector<route_settings>&& written) {
        if (written.size() > configured_routes::routes_max) {
            return fail(
                errc::too_large,
                "there are more than " + std::to_string(configured_routes::routes_max) + " routes"
            );
        }
        table_->routes_.reserve(written.size());
        for (route_settings& each : written) {
            if (auto checked = check(each); !checked) {
                return tl::unexpected{std::move(checked.error())};
            }
            add(std::move(each));
            if (auto checked = place(table_->routes_.back()); !checked) {
                return tl::unexpected{std::move(checked.error())};
            }
        }
        if (auto linked = link(); !linked) {
            return tl::unexpected{std::move(linked.error())};
        }
        return table_ptr{std::move(table_)};
    }

private:
    struct placed_entry {
        segment_tree::place where = 0;
        bool is_prefix = false;
        // In this order, so that those of every method come last when sorted.
        bool is_for_every = false;
        std::uint32_t method = 0;
        std::uint32_t route = 0;

        [[nodiscard]] auto spot() const { return std::tie(where, is_prefix); }
        [[nodiscard]] auto key() const { return std::tie(where, is_prefix, is_for_every, method); }
    };

    void add(route_settings&& written) {
        compiled_route& made = table_->routes_.emplace_back();
        made.settings = std::move(written);
        route_settings& settings = made.settings;
        if (settings.name.empty()) {
            settings.name = settings.path;
        }
        for (std::string& host : settings.hosts) {
            std::string lower;
            host = std::string{compared_host(host, lower)};
        }
        made.is_prefix = settings.path.ends_with('/');
        if (settings.strip_prefix) {
            made.stripped = settings.path.substr(0, settings.path.size() - 1);
        }
        for (const auto& [service, weight] : settings.split) {
            made.weights += weight;
        }
    }

    // Adds the path of the route to the tree of each of its hosts.
    [[nodiscard]] result<void> place(compiled_route& route) {
        note_segments(route);
        const auto& hosts = route.settings.hosts;
        if (hosts.empty()) {
            if (table_->every_host_ == segment_tree::nowhere) {
                table_->every_host_ = table_->tree_.add_root();
            }
            place_under(table_->every_host_, route);
        }
        for (const std::string& host : hosts) {
            const bool is_wildcard = host.starts_with('*');
            table_->has_hosts_ = true;
            table_->has_wildcards_ = table_->has_wildcards_ || is_wildcard;
            const std::string_view name = std::string_view{host}.substr(is_wildcard ? 1 : 0);
            const auto from = is_wildcard ? segment_tree::wildcard_host : segment_tree::exact_host;
            place_under(table_->tree_.add(from, name), route);
        }
        if (placed_.size() > configured_routes::entries_max) {
            return fail(
                errc::too_large,
                place_of(route.settings, "hosts") + "the routes up to this one have more than " +
                    std::to_string(configured_routes::entries_max) + " hosts and methods together"
            );
        }
        if (table_->methods_.size() - 1 > configured_routes::methods_distinct_max) {
            return fail(
                errc::too_large,
                place_of(route.settings, "methods") + "the routes up to this one have more than " +
                    std::to_string(configured_routes::methods_distinct_max) + " different methods"
            );
        }
        return {};
    }

    static void note_segments(compiled_route& route) {
        const path_segments parts{route.settings.path};
        route.segments = parts.size() - (route.is_prefix ? 1 : 0); // the last one is empty
        for (std::size_t at = 0; at < route.segments; ++at) {
            if (is_variable(parts[at])) {
                route.places.push_back(at);
                route.variables.emplace_back(variable_name(parts[at]));
            }
        }
    }

    void place_under(segment_tree::place root, const compiled_route& route) {
        segment_tree& tree = table_->tree_;
        const path_segments parts{route.settings.path};
        segment_tree::place where = root;
        for (std::size_t at = 0; at < route.segments; ++at) {
            where = is_variable(parts[at]) ? tree.add_variable(where)
                                           : tree.add(where, *compared_segment(parts[at]));
        }
        placed_entry made;
        made.where = where;
        made.is_prefix = route.is_prefix;
        made.route = static_cast<std::uint32_t>(table_->routes_.size() - 1);
        if (route.settings.methods.empty()) {
            made.is_for_every = true;
            placed_.push_back(made);
        }
        for (const std::string& method : route.settings.methods) {
            made.method = number_of(method);
            placed_.push_back(made);
        }
    }

    std::uint32_t number_of(const std::string& method) {
        auto& names = table_->methods_;
        const auto known = std::find(names.begin(), names.end(), method);
        const auto number = static_cast<std::uint32_t>(known - names.begin());
        if (known == names.end()) {
            names.push_back(method);
        }
        return number;
    }

    // Makes the lists of the places.
    [[nodiscard]] result<void> link() {
        std::sort(placed_.begin(), placed_.end(), [](const auto& one, const auto& other) {
            return std::tuple_cat(one.key(), std::tie(one.route)) <
                   std::tuple_cat(other.key(), std::tie(other.route));
        });
        auto& entries = table_->entries_;
        entries.reserve(placed_.size());
        for (std::size_t at = 0; at < placed_.size(); ++at) {
            const placed_entry& each = placed_[at];
            const bool is_first = at == 0 || placed_[at - 1].spot() != each.spot();
            if (!is_first && placed_[at - 1].key() == each.key()) {
                return doubled(placed_[at - 1], each);
            }
            if (is_first) {
                segment_tree::node& node = table_->tree_.at(each.where);
                (each.is_prefix ? node.prefix : node.full) =
                    static_cast<std::uint32_t>(entries.size());
            } else {
                entries.back().is_last = false;
            }
            entries.push_back({each.route, each.method, true});
        }
        return {};
    }

    [[nodiscard]] tl::unexpected<error>
    doubled(const placed_entry& one, const placed_entry& other) const {
        const route_settings& first = table_->routes_[one.route].settings;
        const route_settings& second = table_->routes_[other.route].settings;
        const std::string& method = table_->methods_[other.method];
        const std::string requests = method.empty() ? "the same requests" : method + " requests";
        if (one.route == other.route) {
            return fail(
                errc::invalid,
                place_of(second, method.empty() ? "hosts" : "methods") +
                    "the route has a host or a method twice"
            );
        }
        return fail(
            errc::invalid,
            place_of(second, "path") + "this route and \"" + first.name + "\"" +
                (first.source.empty() ? "" : " (" + first.source + ")") + " are for " + requests
        );
    }

    std::shared_ptr<configured_routes> table_{new configured_routes};
    std::vector<placed_entry> placed_;
};

result<std::shared_ptr<const configured_routes>>
configured_routes::compile(std::vector<route_settings> written) {
    return route_compiler{}.run(std::move(written));
}

} // namespace msd::core
