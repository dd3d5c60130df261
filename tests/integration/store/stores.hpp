// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/loop.hpp"
#include "integration/store/temporary_directory.hpp"
#include "store/goods_repository.hpp"
#include "store/members_repository.hpp"
#include "store/open.hpp"
#include "store/purchases_repository.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace msd::test {

// One kind of database, empty at first. The behaviour suites run over all kinds: a new kind is one
// more line in all_stores().
class store_under_test {
public:
    virtual ~store_under_test() = default;
    [[nodiscard]] virtual store::store_settings settings() = 0;
};

struct store_kind {
    std::string name;
    std::unique_ptr<store_under_test> (*make)();
};

/// For Google Test, which otherwise prints the bytes of the object, including its padding.
inline void PrintTo(const store_kind& kind, std::ostream* out) {
    *out << kind.name;
}

[[nodiscard]] std::vector<store_kind> all_stores();

// The common parts of the behaviour suites: a store, a loop, and a clock that tests can set.
class repository_test : public testing::TestWithParam<store_kind> {
protected:
    [[nodiscard]] store::store_settings settings() {
        auto chosen = store_->settings();
        chosen.executor = loop_.executor();
        chosen.now_ms = [this] {
            return now_ms_.load();
        };
        return chosen;
    }

    template <class T>
    T wait(asio::awaitable<T> task) {
        return loop_.wait(std::move(task));
    }

    static deadline soon() { return deadline::in(patience); }

    std::atomic<std::int64_t> now_ms_{1'700'000'000'000};
    std::unique_ptr<store_under_test> store_ = GetParam().make();
    loop loop_;
};

inline std::string name_of(const testing::TestParamInfo<store_kind>& info) {
    return info.param.name;
}

} // namespace msd::test
