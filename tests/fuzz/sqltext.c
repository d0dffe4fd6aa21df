/* domain/sqltext: what is cut off is a semicolon and nothing else that counts, as PostgreSQL's
 * scanner sees it (a second lexer below, written after the rules of its scan.l). */
#include "fuzz.h"

#include <ctype.h>
#include <stdbool.h>

#include "domain/sqltext.h"

static bool starts_identifier(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_space(char c)
{
    return c && strchr(" \t\n\r\f\v", c);
}

/* {dolqdelim}: its length, 0 if none is here. */
static size_t dollar_delimiter(const char *at)
{
    size_t length = 1;
    if (starts_identifier(at[1]))
        while (starts_identifier(at[length]) || isdigit((unsigned char)at[length]))
            length++;
    return at[length] == '$' ? length + 1 : 0;
}

/* {quotecontinue}: white space and comments with a line break before any comment but those that
 * one ends; the length up to and with the quote, 0 if it does not go on. */
static size_t quote_continues(const char *text)
{
    const char *at = text;
    bool line_break = false;
    for (;;) {
        if (is_space(*at)) {
            line_break |= *at == '\n' || *at == '\r';
            at++;
        } else if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n\r");
        } else {
            return *at == '\'' && line_break ? (size_t)(at - text) + 1 : 0;
        }
    }
}

enum kind { NOTHING, SEMICOLON, CODE };

static size_t block_comment(const char *text)
{
    size_t depth = 1, i = 2;
    while (text[i] && depth) {
        bool opens = text[i] == '/' && text[i + 1] == '*';
        bool closes = text[i] == '*' && text[i + 1] == '/';
        depth = depth + opens - closes;
        i += opens || closes ? 2 : 1;
    }
    return i;
}

static size_t quoted(const char *text, char quote, bool escapes)
{
    for (size_t i = 1;;) {
        if (!text[i])
            return i;
        bool doubled = text[i] == quote && text[i + 1] == quote;
        if (doubled || (escapes && text[i] == '\\' && text[i + 1])) {
            i += 2;
        } else if (text[i] != quote) {
            i++;
        } else {
            size_t more = quote == '\'' ? quote_continues(text + i + 1) : 0;
            if (!more)
                return i + 1;
            i += 1 + more;
        }
    }
}

static size_t dollar(const char *text)
{
    size_t length = dollar_delimiter(text);
    if (!length)
        return 1;
    _cleanup_free_ char *delimiter = x_strndup(text, length);
    const char *end = strstr(text + length, delimiter);
    return end ? (size_t)(end - text) + length : strlen(text);
}

static size_t token(const char *text, enum kind *ret_kind)
{
    size_t length = 1;
    *ret_kind = NOTHING;
    if (is_space(*text))
        return 1;
    if (text[0] == '-' && text[1] == '-')
        return strcspn(text, "\n\r");
    if (text[0] == '/' && text[1] == '*')
        return block_comment(text);
    *ret_kind = *text == ';' ? SEMICOLON : CODE;
    if (*text == '\'' || *text == '"')
        return quoted(text, *text, false);
    if (strchr("eE", *text) && text[1] == '\'')
        return 1 + quoted(text + 1, '\'', true);
    if (*text == '$')
        return dollar(text);
    if (starts_identifier(*text))
        while (starts_identifier(text[length]) || isdigit((unsigned char)text[length]) ||
               text[length] == '$')
            length++;
    /* A number takes the letters behind it: PostgreSQL calls that junk. */
    if (isdigit((unsigned char)*text))
        while (starts_identifier(text[length]) || isdigit((unsigned char)text[length]))
            length++;
    return length;
}

/* Where the statement ends by the second lexer. */
static size_t statement_end(const char *sql, bool *ret_empty)
{
    size_t end = 0, first = 0;
    bool code = false, cut = false;
    for (size_t at = 0; sql[at];) {
        enum kind kind;
        size_t length = token(sql + at, &kind);
        if (kind == CODE) {
            code = true;
            cut = false;
        } else if (kind == SEMICOLON && !cut) {
            cut = true;
            first = at;
        }
        at += length;
        end = at;
    }
    *ret_empty = !code;
    return cut ? first : end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    _cleanup_free_ char *sql = take_rest(&input);
    _cleanup_free_ char *statement = sqltext_statement(sql);
    size_t length = strlen(statement);
    MUST(length <= strlen(sql) && strncmp(sql, statement, length) == 0);
    if (sql[length])
        MUST(sql[length] == ';' && sqltext_is_empty(sql + length));
    MUST(sqltext_is_empty(sql) == sqltext_is_empty(statement));

    _cleanup_free_ char *again = sqltext_statement(statement);
    MUST(strcmp(again, statement) == 0);
    _cleanup_free_ char *shifted = x_printf(" /* ; */ -- ;\n%s", sql);
    _cleanup_free_ char *shifted_statement = sqltext_statement(shifted);
    MUST(strlen(shifted_statement) == length + strlen(shifted) - strlen(sql));

    bool empty = false;
    MUST(statement_end(sql, &empty) == length);
    MUST(empty == sqltext_is_empty(sql));
    return 0;
}
