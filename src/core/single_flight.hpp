// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace msd::core {

// Of many who want the same at the same time one goes for it, and the others wait for what he
// brings. Decides who goes; how one waits is the caller's business, and so is `Outcome`, which
// stays shared for as long as somebody holds it. When the thing changes meanwhile, those who come
// later begin anew: what is under way may be what was there before. At most one entry for each who
// leads; whoever bounds the number of callers bounds this.
template <class Outcome>
class single_flight {
public:
    struct flight {
        Outcome outcome;
        bool outdated = false; // the thing has changed since it began
    };

    struct place {
        std::shared_ptr<flight> shared;
        bool leads = false; // goes for it, and calls end() however that ends
    };

    [[nodiscard]] place join(const std::string& key) {
        const auto [entry, is_new] = flights_.try_emplace(key);
        if (is_new) {
            entry->second = std::make_shared<flight>();
        }
        return {entry->second, is_new};
    }

    /// Those who come from now on begin anew.
    void end(const std::string& key, const flight& ended) {
        const auto found = flights_.find(key);
        if (found != flights_.end() && found->second.get() == &ended) {
            flights_.erase(found);
        }
    }

    /// The thing has changed.
    void outdate(const std::string& key) {
        const auto found = flights_.find(key);
        if (found != flights_.end()) {
            found->second->outdated = true;
            flights_.erase(found);
        }
    }

    /// Under way and not outdated.
    [[nodiscard]] std::size_t size() const { return flights_.size(); }

private:
    std::unordered_map<std::string, std::shared_ptr<flight>> flights_;
};

} // namespace msd::core
