#include "domain/sqltext.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

static bool is_identifier(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *skip_line_comment(const char *at)
{
    return at + strcspn(at, "\r\n");
}

static const char *skip_block_comment(const char *at)
{
    int depth = 0;
    while (*at) {
        if (strncmp(at, "/*", 2) == 0) {
            depth++;
            at += 2;
        } else if (strncmp(at, "*/", 2) == 0) {
            at += 2;
            if (--depth == 0)
                break;
        } else {
            at++;
        }
    }
    return at;
}

/* A string goes on in the next line when only white space and line comments stand between; the
 * opening quote then, else NULL. */
static const char *continuation(const char *at)
{
    bool line_break = false;
    for (;;) {
        if (strncmp(at, "--", 2) == 0) {
            at = skip_line_comment(at);
        } else if (isspace((unsigned char)*at)) {
            line_break |= *at == '\r' || *at == '\n';
            at++;
        } else {
            return *at == '\'' && line_break ? at : NULL;
        }
    }
}

/* From an opening quote to behind its closing one; a doubled quote stands for itself. */
static const char *skip_quoted(const char *at, bool backslashes)
{
    char quote = *at++;
    while (*at) {
        bool escaped = backslashes && *at == '\\' && at[1];
        bool doubled = *at == quote && at[1] == quote;
        if (escaped || doubled) {
            at += 2;
        } else if (*at != quote) {
            at++;
        } else {
            const char *next = backslashes ? continuation(at + 1) : NULL;
            if (!next)
                return at + 1;
            at = next + 1;
        }
    }
    return at;
}

/* From a "$tag$" to behind its twin; if it opens no dollar quote, behind the "$". */
static const char *skip_dollar_quoted(const char *at)
{
    const char *tag_end = at + 1;
    while (is_identifier(*tag_end) && !(tag_end == at + 1 && isdigit((unsigned char)*tag_end)))
        tag_end++;
    if (*tag_end != '$')
        return at + 1;
    size_t length = (size_t)(tag_end - at) + 1;
    for (const char *c = tag_end + 1; *c; c++)
        if (strncmp(c, at, length) == 0)
            return c + length;
    return tag_end + strlen(tag_end);
}

/* Behind the token, comment or white space that begins here; *ret_is_code tells which it was. */
static const char *skip_token(const char *at, bool *ret_is_code)
{
    *ret_is_code = false;
    if (isspace((unsigned char)*at))
        return at + 1;
    if (strncmp(at, "--", 2) == 0)
        return skip_line_comment(at);
    if (strncmp(at, "/*", 2) == 0)
        return skip_block_comment(at);

    *ret_is_code = true;
    if (*at == '\'' || *at == '"')
        return skip_quoted(at, false);
    if ((*at == 'e' || *at == 'E') && at[1] == '\'')
        return skip_quoted(at + 1, true);
    if (*at == '$')
        return skip_dollar_quoted(at);
    if (is_identifier(*at)) {
        /* A number takes letters, too, but no "$": that may open a dollar quote, as in "$1$$". */
        bool is_number = isdigit((unsigned char)*at);
        while (is_identifier(*at) || (*at == '$' && !is_number))
            at++;
        return at;
    }
    return at + 1;
}

char *sqltext_statement(const char *sql)
{
    const char *semicolon = NULL; /* the last one with no code behind it */
    for (const char *at = sql; *at;) {
        bool is_code;
        const char *end = skip_token(at, &is_code);
        if (is_code && *at != ';')
            semicolon = NULL;
        else if (is_code && !semicolon)
            semicolon = at;
        at = end;
    }
    return semicolon ? x_strndup(sql, (size_t)(semicolon - sql)) : x_strdup(sql);
}

bool sqltext_is_empty(const char *sql)
{
    for (const char *at = sql; *at;) {
        bool is_code;
        const char *end = skip_token(at, &is_code);
        if (is_code && *at != ';')
            return false;
        at = end;
    }
    return true;
}
