#include "usecases/verification.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "sql.h"

static void forget_checks(struct verification *verification)
{
    for (size_t i = 0; i < verification->count; i++) {
        buffer_release(&verification->checks[i].numbers);
        buffer_release(&verification->checks[i].samples);
        buffer_release(&verification->checks[i].words);
    }
    verification->count = 0;
}

void verification_release(struct verification *verification)
{
    forget_checks(verification);
    free(verification->checks);
    free(verification->master);
    free(verification->index);
    *verification = (struct verification){};
}

void verification_begin_attempt(struct verification *verification)
{
    forget_checks(verification);
    verification->attempt++;
}

struct check *check_begin(struct verification *verification, const char *name,
                          enum check_severity severity)
{
    verification->checks = x_grow(verification->checks, verification->count,
                                  &verification->capacity, sizeof(*verification->checks));
    struct check *check = &verification->checks[verification->count++];
    *check = (struct check){
        .name = name,
        .severity = severity,
        .numbers = BUFFER(BUFFER_TEXT_MAX),
        .samples = BUFFER(BUFFER_TEXT_MAX),
        .words = BUFFER(BUFFER_TEXT_MAX),
    };
    buffer_char(&check->numbers, '{');
    buffer_char(&check->samples, '[');
    return check;
}

/* "left_over" is "left over" to people. */
static void put_words(struct check *check, const char *name, const char *value)
{
    buffer_text(&check->words, check->words.length ? ", " : "");
    for (const char *c = name; *c; c++)
        buffer_char(&check->words, *c == '_' ? ' ' : *c);
    buffer_printf(&check->words, " %s", value);
}

void check_value(struct check *check, const char *name, const char *value)
{
    buffer_printf(&check->numbers, "%s\"%s\":%s", check->numbers.length > 1 ? "," : "", name,
                  value);
    put_words(check, name, value);
}

void check_number(struct check *check, const char *name, int64_t number)
{
    check_value(check, name, pg_number(number).text);
}

static void put_text(struct buffer *out, const char *text)
{
    _cleanup_free_ char *clean = utf8_clean(text);
    json_write_string(out, clean, strlen(clean));
}

void check_add_sample(struct check *check, const char *kind, const char *name, const char *problem)
{
    if (check->sample_count++ >= CHECK_SAMPLES)
        return;
    buffer_printf(&check->samples, "%s{\"%s\":", check->sample_count > 1 ? "," : "", kind);
    put_text(&check->samples, name);
    if (problem) {
        buffer_text(&check->samples, ",\"problem\":");
        put_text(&check->samples, problem);
    }
    buffer_char(&check->samples, '}');
    if (check->sample_count <= 3)
        buffer_printf(&check->words, "%s%s%s%s", check->sample_count > 1 ? "; " : ": ", name,
                      problem ? " " : "", problem ? problem : "");
}

struct buffer check_take_words(struct check *check)
{
    struct buffer words = TAKE(check->words);
    check->words = BUFFER(BUFFER_TEXT_MAX);
    return words;
}

void check_give_words(struct check *check, struct buffer *words)
{
    if (words->length && check->words.length && *words->data != ':')
        buffer_text(&check->words, ": ");
    buffer_text(&check->words, buffer_cstr(words));
    buffer_release(words);
}

void check_skip(struct check *check, const char *why)
{
    check->verdict = VERIFIED_SKIPPED;
    buffer_text(&check->words, check->words.length ? ": " : "");
    buffer_text(&check->words, why);
}

const char *verification_severity_name(enum check_severity severity)
{
    static const char *const names[] = {"critical", "warning", "info"};
    return names[severity];
}

const char *verification_verdict_name(enum verified verdict)
{
    static const char *const names[] = {"ok", "failed", "skipped"};
    return names[verdict];
}

/* An engine may quote what it was sent (rule R10). */
static void mask(const struct context *context, struct buffer *text)
{
    _cleanup_free_ char *masked = secrets_mask(&context->secrets, buffer_cstr(text));
    buffer_clear(text);
    buffer_text(text, masked);
}

int check_end(struct run *run, struct verification *verification, struct check *check,
              struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    buffer_char(&check->numbers, '}');
    buffer_char(&check->samples, ']');
    mask(run->context, &check->samples);
    mask(run->context, &check->words);
    check->ended = true;
    if (!run->open)
        return 0;
    if (history_query(run->context->history, sql_history_verification_insert,
                      PG_VALUES(run->action.id, pg_number(verification->attempt).text, check->name,
                                verification_severity_name(check->severity),
                                verification_verdict_name(check->verdict),
                                buffer_cstr(&check->numbers), buffer_cstr(&check->samples)),
                      &rows, err) < 0)
        return -1;
    return pg_rows_count(rows) ? 0 : action_replaced(err);
}

const struct check *verification_failure(const struct verification *verification)
{
    for (size_t i = 0; i < verification->count; i++)
        if (verification->checks[i].verdict == VERIFIED_FAILED &&
            verification->checks[i].severity == CHECK_CRITICAL)
            return &verification->checks[i];
    return NULL;
}

bool verification_failed(const struct verification *verification, const char *name)
{
    for (size_t i = 0; i < verification->count; i++)
        if (strcmp(verification->checks[i].name, name) == 0)
            return verification->checks[i].verdict == VERIFIED_FAILED;
    return false;
}
