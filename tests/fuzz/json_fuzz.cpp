// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "fuzz_target.hpp"

#include <rapidjson/error/error.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <string>

namespace {

using msd::fuzz::require;
namespace json = msd::json;

// Limits RapidJSON's recursion to a depth beyond msd's limit.
class level_counter : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, level_counter> {
public:
    bool StartObject() { return ++levels_ <= json::depth_max; }
    bool StartArray() { return ++levels_ <= json::depth_max; }
    bool EndObject(rapidjson::SizeType /*members*/) { return leave(); }
    bool EndArray(rapidjson::SizeType /*elements*/) { return leave(); }

private:
    bool leave() {
        --levels_;
        return true;
    }

    std::size_t levels_ = 0;
};

// Compares with RapidJSON where RapidJSON agrees with JSON.parse of JavaScript.
bool agrees_with_rapidjson(std::string_view text, bool accepted) {
    constexpr unsigned flags =
        rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
    if (text.find('\0') != std::string_view::npos) {
        return !accepted; // RapidJSON treats NUL as the end
    }
    rapidjson::MemoryStream stream{text.data(), text.size()};
    rapidjson::Reader reader;
    level_counter handler;
    switch (reader.Parse<flags>(stream, handler).Code()) {
    case rapidjson::kParseErrorNone:
        return accepted;
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
    case rapidjson::kParseErrorNumberTooBig:
        return true; // JSON.parse accepts both
    default:
        return !accepted;
    }
}

void check_scalars(const json::value& value) {
    if (const auto text = value.as_string()) {
        require(json::is_utf8(*text), "a decoded string is UTF-8");
        const std::string quoted = json::quote(*text);
        const auto again = json::parse(quoted);
        require(again && again->as_string() == text, "a quoted string reads back the same");
    }
    if (const auto number = value.as_int64()) {
        require(value.as_double() == static_cast<double>(*number), "an integer is its own double");
    }
    if (const auto number = value.as_double()) {
        std::string out;
        json::writer{out}.real(*number);
        require(json::parse(out)->as_double() == number, "a double written reads back the same");
    }
}

void check_object(std::string_view text) {
    json::object fields;
    if (!fields.parse(text)) {
        return;
    }
    std::string rebuilt;
    json::writer out{rebuilt};
    out.begin_object();
    for (const json::member& member : fields) {
        require(json::parse(member.val.text).has_value(), "a member's value stands for itself");
        require(json::is_utf8(member.name), "a name is UTF-8");
        require(fields.find(member.name) != nullptr, "a member is found by its name");
        check_scalars(member.val);
        out.raw_members(member.raw);
    }
    out.end_object();
    json::object again;
    require(again.parse(rebuilt).has_value(), "members put together are an object");
    require(again.size() == fields.size(), "no member is lost");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = msd::fuzz::text_of(data, size);
    const auto parsed = json::parse(text);
    require(agrees_with_rapidjson(text, parsed.has_value()), "what is accepted is JSON");
    const auto list = json::elements(text);
    check_object(text);
    if (!parsed) {
        require(!list, "elements() accepts no more than parse()");
        return 0;
    }
    require(json::is_utf8(text), "what is accepted is UTF-8");
    require(json::parse(parsed->text)->text == parsed->text, "a value's text is that value");
    check_scalars(*parsed);
    if (list) {
        for (const json::value& element : *list) {
            require(json::parse(element.text).has_value(), "an element stands for itself");
            check_scalars(element);
        }
    }
    return 0;
}
