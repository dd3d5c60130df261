// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Messages between two processes of one machine over a SOCK_SEQPACKET socket: a short text with
// file descriptors. These functions block until their deadline. On an event loop, call them only
// when the socket is ready, or while no other task may run.
namespace msd::net {

inline constexpr std::size_t parcel_bytes_max = 4096;
inline constexpr std::size_t parcel_descriptors_max = 64;

struct parcel {
    std::string text;
    std::vector<unique_fd> descriptors; // close-on-exec
};

/// The sender keeps its descriptors open. errc::timeout, errc::closed: the peer has ended.
[[nodiscard]] result<void>
send_parcel(int socket, std::string_view text, std::span<const int> attached, deadline until);

/// errc::timeout, errc::closed, errc::too_large, errc::unavailable: this process is out of
/// descriptors, and the parcel is lost.
[[nodiscard]] result<parcel> receive_parcel(int socket, deadline until);

} // namespace msd::net
