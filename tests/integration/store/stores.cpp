// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

namespace msd::test {

namespace {

class sqlite_store final : public store_under_test {
public:
    store::store_settings settings() override {
        store::store_settings chosen;
        chosen.data_dir = directory_.path() / "data";
        return chosen;
    }

private:
    temporary_directory directory_;
};

} // namespace

std::vector<store_kind> all_stores() {
    return {{"sqlite", []() -> std::unique_ptr<store_under_test> {
                 return std::make_unique<sqlite_store>();
             }}};
}

} // namespace msd::test
