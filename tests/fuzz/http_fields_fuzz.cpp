// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/http_connection_fields.hpp"
#include "wire/http_fields.hpp"
#include "wire/http_line.hpp"
#include "wire/http_message.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

// The input is lines; the first character of each chooses what is done with the rest as a header
// line. The same is done to a plain list, and both must have the same fields.
namespace {

using msd::fuzz::require;
using namespace msd::wire;

constexpr std::size_t input_bytes_max = 16UL * 1024;
constexpr std::size_t lines_max = 200; // because every line is followed by a comparison

using plain_list = std::vector<std::pair<std::string, std::string>>;

class comparison {
public:
    void apply(char operation, std::string_view line) {
        http_header_line parts;
        if (read_header_line(line, parts)) {
            return;
        }
        const auto is_same = [name = parts.name](const auto& field) {
            return same_text(field.first, name);
        };
        switch (operation) {
        case 's':
            std::erase_if(plain_, is_same);
            plain_.emplace_back(parts.name, parts.value);
            fields_.set(parts.name, parts.value);
            break;
        case 'r':
            require(
                fields_.remove(parts.name) == std::erase_if(plain_, is_same),
                "as many fields are removed"
            );
            break;
        case 'v':
            if (!plain_.empty()) {
                const std::size_t at = parts.value.size() % plain_.size();
                plain_[at].second = parts.value;
                fields_.set_value(at, parts.value);
            }
            break;
        case 'o': // a text of its own
            if (!plain_.empty()) {
                plain_.emplace_back(plain_.front());
                fields_.add(fields_[0].name, fields_[0].value);
            }
            break;
        case 'c':
            plain_.clear();
            fields_.clear();
            break;
        default:
            plain_.emplace_back(parts.name, parts.value);
            fields_.add(parts.name, parts.value);
            break;
        }
        compare(parts.name);
    }

    // What is handed on is a head of its own, without the fields of one connection.
    void check_connection_fields() {
        http_fields rest = fields_;
        const connection_options options = read_connection(rest);
        const std::string upgrade = upgrade_of(rest);
        require(is_field_value(upgrade), "the protocols are the value of a field");
        remove_connection_fields(rest);
        for (const http_header& field : rest) {
            require(!is_hop_by_hop(field.name), "no field is for one connection only");
        }
        const connection_options again = read_connection(rest);
        require(!again.close && !again.keep_alive && !again.upgrade, "Connection is gone");
        require(rest.size() <= fields_.size(), "no field is added");
        const bool has_connection = fields_.has("connection");
        require(has_connection || (!options.close && !options.upgrade), "options have a source");
        std::string lines;
        append_last_chunk(lines, &rest);
        require(are_header_lines(std::string_view{lines}.substr(3, lines.size() - 5)), "lines");
    }

private:
    void compare(std::string_view name) const {
        const bool same = std::equal(
            fields_.begin(),
            fields_.end(),
            plain_.begin(),
            plain_.end(),
            [](const http_header& field, const auto& wanted) {
                return field.name == wanted.first && field.value == wanted.second;
            }
        );
        require(same, "both have the same fields");
        const auto is_same = [name](const auto& field) {
            return same_text(field.first, name);
        };
        const auto found = std::ranges::find_if(plain_, is_same);
        const std::string_view* const value = fields_.find(name);
        require((value == nullptr) == (found == plain_.end()), "both have it or not");
        require(value == nullptr || *value == found->second, "the first value is found");
        const auto count = static_cast<std::size_t>(std::ranges::count_if(plain_, is_same));
        require(fields_.count(name) == count, "all are counted");
    }

    http_fields fields_;
    plain_list plain_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > input_bytes_max) {
        return 0;
    }
    std::string_view rest = msd::fuzz::text_of(data, size);
    comparison both;
    for (std::size_t count = 0; count < lines_max && !rest.empty(); ++count) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (!line.empty()) {
            both.apply(line.front(), line.substr(1));
        }
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    both.check_connection_fields();
    return 0;
}
