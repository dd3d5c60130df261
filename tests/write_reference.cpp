// SPDX-License-Identifier: Apache-2.0
// msd_write_reference: writes config/msd.toml and docs/man/msd.toml.5 from the descriptions of the
// configuration keys. scripts/reference calls it in the top directory of the project; the tests
// msd_toml compare both files with what it would write.
#include "app/config_schema.hpp"
#include "config/reference.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

std::string read(const char* file) {
    std::ifstream in{file};
    if (!in) {
        throw std::runtime_error{fmt::format("cannot read {}", file)};
    }
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write(const char* file, const std::string& text) {
    std::ofstream out{file};
    out << text;
    if (!out.flush()) {
        throw std::runtime_error{fmt::format("cannot write {}", file)};
    }
}

} // namespace

int main() {
    try {
        const msd::app::config_schema schema{msd::app::all_roles()};
        const auto keys = schema.document(schema.defaults());
        constexpr const char* file = "config/msd.toml";
        constexpr const char* page = "docs/man/msd.toml.5";
        write(file, msd::config::write_file_reference(keys, read(file)));
        const auto made = msd::config::write_page_reference(keys, read(page));
        if (!made) {
            throw std::runtime_error{fmt::format("{}: {}", page, made.error().text)};
        }
        write(page, *made);
        return 0;
    } catch (const std::exception& failed) {
        fmt::print(stderr, "{}\n", failed.what());
        return 1;
    }
}
