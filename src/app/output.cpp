// SPDX-License-Identifier: Apache-2.0
#include "app/output.hpp"

#include "base/printable.hpp"

#include <unistd.h>

#include <string>

namespace msd::app {

namespace {

void put(std::FILE* to, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), to);
}

} // namespace

void print_line(std::FILE* to, std::string_view line) {
    put(to, printable(line) + '\n');
}

void print_text(std::string_view text) {
    put(stdout, text);
}

void print_table(const text_table& table) {
    put(stdout, table.text(isatty(STDOUT_FILENO) == 1));
}

void print_json(std::string_view json) {
    put(stdout, printable_json(json) + '\n');
}

void print_reply(std::string_view json) {
    if (isatty(STDOUT_FILENO) == 1) {
        print_json(json);
    } else {
        put(stdout, json);
        put(stdout, "\n");
    }
}

} // namespace msd::app
