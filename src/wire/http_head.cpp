// SPDX-License-Identifier: Apache-2.0
#include "wire/http_head.hpp"

namespace msd::wire {

namespace {

// The one header of that name. `repeated` tells whether there is more than one.
const std::string* sole_header(const http_request& request, std::string_view name, bool& repeated) {
    const std::string* found = nullptr;
    for (const http_header& header : request.headers) {
        if (same_text(header.name, name)) {
            repeated = repeated || found != nullptr;
            found = &header.value;
        }
    }
    return found;
}

http_fault check_host(const http_request& request) {
    bool repeated = false;
    const std::string* const host = sole_header(request, "Host", repeated);
    if (repeated) {
        return {400, "more than one Host"};
    }
    if (host == nullptr) {
        return request.minor_version == 0 ? http_fault{} : http_fault{400, "no Host"};
    }
    if (!is_host(*host)) {
        return {400, "malformed Host"};
    }
    http_target target;
    if (read_target(request.method, request.target, target) ||
        (!target.authority.empty() && !same_text(target.authority, *host))) {
        return {400, "Host contradicts the request target"};
    }
    return {};
}

// RFC 9112, 6: how long the body is must not be a matter of opinion.
http_fault read_framing(http_request& request) {
    bool repeated = false;
    const std::string* const length = sole_header(request, "Content-Length", repeated);
    const std::string* const coding = sole_header(request, "Transfer-Encoding", repeated);
    if (repeated) {
        return {400, "more than one Content-Length or Transfer-Encoding"};
    }
    if (coding != nullptr) {
        if (length != nullptr) {
            return {400, "Transfer-Encoding together with Content-Length"};
        }
        if (request.minor_version == 0) {
            return {400, "Transfer-Encoding in HTTP/1.0"};
        }
        if (!same_text(*coding, "chunked")) {
            return {501, "only the transfer coding chunked is supported"};
        }
        request.chunked = true;
    }
    if (length != nullptr) {
        request.content_length = content_length_of(*length);
        if (!request.content_length) {
            return {400, "malformed Content-Length"};
        }
    }
    return {};
}

void read_wishes(http_request& request) {
    bool close = false;
    bool keep = false;
    for (const http_header& header : request.headers) {
        if (same_text(header.name, "Connection")) {
            close = close || list_has(header.value, "close");
            keep = keep || list_has(header.value, "keep-alive");
        } else if (same_text(header.name, "Expect")) {
            request.expect_continue =
                request.minor_version >= 1 && list_has(header.value, "100-continue");
        }
    }
    request.keep_alive = !close && (keep || request.minor_version >= 1);
}

} // namespace

http_fault interpret_head(http_request& request) {
    if (const http_fault fault = check_host(request)) {
        return fault;
    }
    if (const http_fault fault = read_framing(request)) {
        return fault;
    }
    read_wishes(request);
    return {};
}

} // namespace msd::wire
