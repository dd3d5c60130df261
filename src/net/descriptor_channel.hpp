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

// Short texts, each with descriptors that go with it, between two processes of this machine over a
// SOCK_SEQPACKET socket. These functions block until their deadline; on an event loop they are for
// what the socket is known to be ready for, and for the few moments in which nothing else may
// happen.
namespace msd::net {

inline constexpr std::size_t parcel_bytes_max = 4096;
inline constexpr std::size_t parcel_descriptors_max = 64;

struct parcel {
    std::string text;
    std::vector<unique_fd> descriptors; // close-on-exec
};

/// The descriptors stay the sender's, too. errc::timeout, errc::closed: the other end is gone.
[[nodiscard]] result<void>
send_parcel(int socket, std::string_view text, std::span<const int> attached, deadline until);

/// errc::timeout, errc::closed, errc::too_large, errc::unavailable: this process is out of
/// descriptors, and the parcel is lost.
[[nodiscard]] result<parcel> receive_parcel(int socket, deadline until);

} // namespace msd::net
