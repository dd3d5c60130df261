// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace msd {

// Kinds of errors, divided by what the caller can do. The text of an error is for the log and the
// operator; the code that writes a reply chooses the text for the client.
enum class errc : std::uint8_t {
    invalid,     // the caller's values are wrong
    malformed,   // the received bytes are not in the expected format
    too_large,   // over a named limit
    not_found,   // it does not exist
    conflict,    // exists already, or changed meanwhile
    denied,      // not allowed
    refused,     // not executed: safe to try elsewhere
    unavailable, // the other side is down or overloaded
    timeout,     // the deadline passed; the work may have been done
    cancelled,   // the caller no longer waits
    closed,      // the connection ended; the work may have been done
    internal,    // a defect of msd
};

struct error {
    errc code = errc::internal;
    std::string text;
};

// The result of an operation that can fail in normal use. Exceptions of a library are translated in
// the file that includes the library; a broken invariant aborts the worker instead.
template <class T>
using result = tl::expected<T, error>;

[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string text) {
    return tl::unexpected<error>{error{code, std::move(text)}};
}

} // namespace msd
