#include "probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *document;
static size_t length;
static size_t capacity;
static bool needs_comma;

static void append(const char *bytes, size_t count)
{
    if (count > capacity - length) {
        size_t wanted = (capacity + count) * 2 + 4096;
        char *grown = realloc(document, wanted);
        if (grown == NULL)
            probe_fail("out of memory for a document of %zu bytes", wanted);
        document = grown;
        capacity = wanted;
    }
    memcpy(document + length, bytes, count);
    length += count;
}

__attribute__((format(printf, 1, 2))) static void append_format(const char *format, ...)
{
    char text[64];
    va_list list;
    va_start(list, format);
    int count = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    append(text, (size_t)count);
}

/* The number of bytes of the UTF-8 sequence at `bytes`, or 0 when there is none (RFC 3629, section 4). */
static size_t sequence_length(const unsigned char *bytes, size_t available)
{
    unsigned char lead = bytes[0];
    size_t count;
    unsigned char low = 0x80, high = 0xbf;
    if (lead < 0x80)
        return 1;
    else if (lead >= 0xc2 && lead <= 0xdf)
        count = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        count = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        count = 4;
    else
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (count > available || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t index = 2; index < count; index++)
        if (bytes[index] < 0x80 || bytes[index] > 0xbf)
            return 0;
    return count;
}

static void append_string(const char *text, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)text;
    append("\"", 1);
    for (size_t index = 0; index < count;) {
        size_t sequence = sequence_length(bytes + index, count - index);
        unsigned char byte = bytes[index];
        if (sequence == 0) {
            append("\xef\xbf\xbd", 3);
            index++;
            continue;
        }
        if (byte == '"' || byte == '\\')
            append_format("\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            append_format("\\u%04x", byte);
        else
            append((const char *)bytes + index, sequence);
        index += sequence;
    }
    append("\"", 1);
}

static void begin(const char *name)
{
    if (needs_comma)
        append(",", 1);
    if (name != NULL) {
        append_string(name, strlen(name));
        append(":", 1);
    }
    needs_comma = true;
}

static void open_with(const char *name, const char *bracket)
{
    begin(name);
    append(bracket, 1);
    needs_comma = false;
}

static void close_with(const char *bracket)
{
    append(bracket, 1);
    needs_comma = true;
}

void json_open_object(const char *name) { open_with(name, "{"); }
void json_close_object(void) { close_with("}"); }
void json_open_array(const char *name) { open_with(name, "["); }
void json_close_array(void) { close_with("]"); }

void json_integer(const char *name, int64_t value)
{
    begin(name);
    append_format("%lld", (long long)value);
}

void json_unsigned(const char *name, uint64_t value)
{
    begin(name);
    append_format("%llu", (unsigned long long)value);
}

void json_boolean(const char *name, bool value)
{
    begin(name);
    append_format("%s", value ? "true" : "false");
}

void json_null(const char *name)
{
    begin(name);
    append("null", 4);
}

void json_text_of(const char *name, const char *bytes, size_t count)
{
    begin(name);
    append_string(bytes, count);
}

void json_text(const char *name, const char *text)
{
    json_text_of(name, text, strlen(text));
}

void json_hexadecimal(const char *name, const char *bytes)
{
    begin(name);
    append("\"", 1);
    for (; *bytes != '\0'; bytes++)
        append_format("%02x", (unsigned char)*bytes);
    append("\"", 1);
}

void json_error(int error)
{
    if (error == 0) {
        json_null("error");
        json_null("errorName");
        return;
    }
    const char *name = strerrorname_np(error);
    json_integer("error", error);
    json_text("errorName", name == NULL ? "unknown" : name);
}

const char *json_finish(size_t *count)
{
    append("\n", 1);
    *count = length;
    return document;
}
