// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "services/arguments.hpp"
#include "store/event_log.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

// Events as JSON: the structured mode of CloudEvents 1.0, with data that is JSON. Everything else
// that the specification allows (extension attributes, dataschema, data_base64, other media types)
// is refused, because nothing here would keep it.
namespace msd::services {

inline constexpr std::size_t event_source_bytes_max = 256;
inline constexpr std::size_t event_id_bytes_max = 128;
inline constexpr std::size_t event_topic_bytes_max = 128;
inline constexpr std::size_t event_subject_bytes_max = 256;
// With the other attributes, an event fits into one part of a stream (wire::stream_part_cost_max).
inline constexpr std::size_t event_data_bytes_max = std::size_t{24} * 1024;
// Of objects and arrays. A reply holds an event deeper than the request that published it, and no
// packet may have more than json::depth_max.
inline constexpr std::size_t event_data_levels_max = 32;

/// What is wrong with which attribute.
template <class T>
using or_problem = tl::expected<T, arguments::problem>;

/// `json` is an object. An event without a time gets `now_ms`, since 1970.
[[nodiscard]] or_problem<store::event_fields>
read_cloud_event(std::string_view json, std::int64_t now_ms);

void write_cloud_event(json::writer& out, const store::event_fields& event);

/// Whether it may be the type of an event: letters, digits, '.', '-' and '_', at most
/// event_topic_bytes_max.
[[nodiscard]] bool is_topic(std::string_view text);

} // namespace msd::services
