// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace msd::core {

// Deduplicates concurrent requests: of several callers that request the same key, one caller makes
// the request and the others wait for its `Outcome`, which they share. This class decides which
// caller makes the request; the callers do the waiting. When the value changes during a request,
// later callers start a new request, because the response in flight may be the old value. There is
// at most one entry for each caller that makes a request, so the number of callers bounds the size.
template <class Outcome>
class single_flight {
public:
    struct flight {
        Outcome outcome;
        bool outdated = false; // the value has changed since the request began
    };

    struct place {
        std::shared_ptr<flight> shared;
        bool leads = false; // makes the request, and calls end() when it ends in any way
    };

    [[nodiscard]] place join(const std::string& key) {
        const auto [entry, is_new] = flights_.try_emplace(key);
        if (is_new) {
            entry->second = std::make_shared<flight>();
        }
        return {entry->second, is_new};
    }

    /// Later callers start a new request.
    void end(const std::string& key, const flight& ended) {
        const auto found = flights_.find(key);
        if (found != flights_.end() && found->second.get() == &ended) {
            flights_.erase(found);
        }
    }

    /// The value has changed.
    void outdate(const std::string& key) {
        const auto found = flights_.find(key);
        if (found != flights_.end()) {
            found->second->outdated = true;
            flights_.erase(found);
        }
    }

    /// The number of requests in flight that are not outdated.
    [[nodiscard]] std::size_t size() const { return flights_.size(); }

private:
    std::unordered_map<std::string, std::shared_ptr<flight>> flights_;
};

} // namespace msd::core
