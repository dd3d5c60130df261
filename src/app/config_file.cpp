// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"

#include "config/toml.hpp"

#include <utility>

namespace msd::app {

void read_config(
    std::string_view text,
    std::string_view name,
    const config_schema& schema,
    configuration& into,
    config::problems& wrong
) {
    const config::table root = config::parse_toml(text, wrong);
    schema.read(into, root, {name, {}}, wrong);
}

result<void> read_config(
    std::string_view text,
    std::string_view name,
    const config_schema& schema,
    configuration& into
) {
    config::problems wrong;
    configuration changed = into;
    read_config(text, name, schema, changed, wrong);
    if (!wrong.empty()) {
        return fail(errc::invalid, wrong.report(name, config_problems_max));
    }
    into = std::move(changed);
    return {};
}

} // namespace msd::app
