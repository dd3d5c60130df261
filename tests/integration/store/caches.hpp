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

// How long things are kept in a cache under test.
struct cache_times {
    milliseconds ttl{60'000};
    milliseconds negative_ttl{60'000};
};

// One kind of cache, empty at first, with a server of its own if it needs one. The behaviour suite
// runs over all of them: a new kind is one more line in all_caches().
class cache_under_test {
public:
    virtual ~cache_under_test() = default;
    /// Ready to use; a second one shares what the first one keeps if the kind is a shared one.
    [[nodiscard]] virtual std::unique_ptr<store::cache> open(loop& on, cache_times times) = 0;
};

struct cache_kind {
    std::string name;
    std::unique_ptr<cache_under_test> (*make)();
};

/// For Google Test, which else prints the bytes of the object, padding included.
inline void PrintTo(const cache_kind& kind, std::ostream* out) {
    *out << kind.name;
}

[[nodiscard]] std::vector<cache_kind> all_caches();

} // namespace msd::test
