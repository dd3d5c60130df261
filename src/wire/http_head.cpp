// SPDX-License-Identifier: Apache-2.0
#include "wire/http_head.hpp"

#include "wire/http_connection_fields.hpp"
#include "wire/http_field.hpp"
#include "wire/http_host.hpp"

#include <string_view>

namespace msd::wire {

namespace {

// The fields that decide about a request as a whole.
struct deciding_fields {
    const std::string_view* host = nullptr;
    const std::string_view* length = nullptr;
    const std::string_view* transfer_coding = nullptr;
    const std::string_view* content_type = nullptr;
    const char* repeated = nullptr; // what to tell a client that sent one of them twice
};

void note(
    const std::string_view*& field,
    const std::string_view& value,
    const char* text,
    const char*& why
) {
    if (field != nullptr) {
        why = text;
    }
    field = &value;
}

// One pass; the length of a name tells most of them apart.
deciding_fields find_fields(http_request& request) {
    deciding_fields found;
    for (const http_header& header : request.headers) {
        const auto is = [&header](std::string_view name) {
            return same_text(header.name, name);
        };
        const std::string_view& value = header.value;
        switch (header.name.size()) {
        case 2:
            request.te_trailers = request.te_trailers || (is("TE") && list_has(value, "trailers"));
            break;
        case 4:
            if (is("Host")) {
                note(found.host, value, "more than one Host: send one", found.repeated);
            }
            break;
        case 6:
            request.expect_continue =
                request.expect_continue ||
                (request.minor_version >= 1 && is("Expect") && list_has(value, "100-continue"));
            break;
        case 12:
            if (is("Content-Type")) {
                constexpr const char* text = "more than one Content-Type: send one";
                note(found.content_type, value, text, found.repeated);
            }
            break;
        case 13:
            request.content_range = request.content_range || is("Content-Range");
            break;
        case 14:
            if (is("Content-Length")) {
                constexpr const char* text = "more than one Content-Length: send one";
                note(found.length, value, text, found.repeated);
            }
            break;
        case 16:
            request.content_coded =
                request.content_coded || (is("Content-Encoding") && !is_identity(value));
            break;
        case 17:
            if (is("Transfer-Encoding")) {
                constexpr const char* text = "more than one Transfer-Encoding: send one";
                note(found.transfer_coding, value, text, found.repeated);
            }
            break;
        default:
            break;
        }
    }
    return found;
}

http_fault check_host(const http_request& request, const std::string_view* host) {
    if (host == nullptr) {
        return request.minor_version == 0
                   ? http_fault{}
                   : http_fault{400, "no Host: send the host that the request is for"};
    }
    if (!is_host(*host)) {
        return {400, "malformed Host: write a name or an address, and a port behind a colon"};
    }
    if (request.target.starts_with('/')) {
        return {};
    }
    http_target target;
    if (read_target(request.method, request.target, target) ||
        (!target.authority.empty() && !is_same_host(target.authority, *host, target.default_port)
        )) {
        return {400, "Host and the request target name different hosts: send the same in both"};
    }
    return {};
}

// RFC 9112, 6.3: where chunked is not the last coding, nobody can tell where the body ends.
http_fault refuse_coding(std::string_view codings) {
    std::string_view last;
    for_each_in_list(codings, [&last](std::string_view coding) { last = coding; });
    if (!same_text(last, "chunked")) {
        return {400, "the last transfer coding is not chunked: send Transfer-Encoding: chunked"};
    }
    return {501, "only the transfer coding chunked is supported"};
}

// RFC 9112, 6: two implementations must not come to different lengths of the body.
http_fault read_framing(http_request& request, const deciding_fields& fields) {
    if (fields.transfer_coding != nullptr) {
        if (fields.length != nullptr) {
            return {400, "Transfer-Encoding together with Content-Length: send one of them"};
        }
        if (request.minor_version == 0) {
            return {400, "Transfer-Encoding in HTTP/1.0: send Content-Length"};
        }
        if (!same_text(*fields.transfer_coding, "chunked")) {
            return refuse_coding(*fields.transfer_coding);
        }
        request.chunked = true;
    }
    if (fields.length != nullptr) {
        request.content_length = content_length_of(*fields.length);
        if (!request.content_length) {
            return {400, "malformed Content-Length: write one decimal number below 2^64"};
        }
    }
    return {};
}

} // namespace

http_fault interpret_head(http_request& request) {
    const connection_options options = read_connection(request.headers);
    request.keep_alive = !options.close && (options.keep_alive || request.minor_version >= 1);
    if (options.upgrade && request.minor_version >= 1) {
        request.upgrade = upgrade_of(request.headers);
    }
    const deciding_fields fields = find_fields(request);
    if (fields.repeated != nullptr) {
        return {400, fields.repeated};
    }
    if (const http_fault fault = check_host(request, fields.host)) {
        return fault;
    }
    if (fields.content_type != nullptr && is_list(*fields.content_type)) {
        return {400, "Content-Type holds several values: send one"};
    }
    if (const http_fault fault = read_framing(request, fields)) {
        return fault;
    }
    remove_connection_fields(request.headers); // `fields` are invalid now
    return {};
}

} // namespace msd::wire
