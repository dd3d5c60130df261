// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "integration/store/loop.hpp"
#include "store/cache.hpp"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace msd::test {

// How long a cache under test keeps entries.
struct cache_times {
    milliseconds ttl{60'000};
    milliseconds negative_ttl{60'000};
};

// One kind of cache, empty at first, with a server of its own if it needs one. The behaviour suite
// runs over all kinds: a new kind is one more line in all_caches().
class cache_under_test {
public:
    virtual ~cache_under_test() = default;
    /// A cache that is ready to use. For a shared kind, a second one has the same entries.
    [[nodiscard]] virtual std::unique_ptr<store::cache> open(loop& on, cache_times times) = 0;
};

struct cache_kind {
    std::string name;
    std::unique_ptr<cache_under_test> (*make)();
};

/// For Google Test, which otherwise prints the bytes of the object, including its padding.
inline void PrintTo(const cache_kind& kind, std::ostream* out) {
    *out << kind.name;
}

[[nodiscard]] std::vector<cache_kind> all_caches();

} // namespace msd::test
