/* cli/options: what is taken has the form its kind asks for, and belongs to the command line. */
#include "fuzz.h"

#include <stdbool.h>

#include "options.h"

enum { MOST_WORDS = 12 };

static const struct command_option own[] = {
    {OPT_ALL, NULL},   {OPT_FULL, NULL},   {OPT_SINCE, NULL},          {OPT_UNTIL, NULL},
    {OPT_LIMIT, NULL}, {OPT_STATUS, NULL}, {OPT_ALLOW_REJECTED, NULL}, {OPT_COUNT, NULL}};

/* Whether the text is the end of a word of the command line, as "value" is of "--option=value". */
static bool is_of(char *const *words, const char *text)
{
    for (; *words; words++)
        if (text >= *words && text <= *words + strlen(*words))
            return true;
    return false;
}

static void check_number(const struct options *options, enum option_id id)
{
    const char *text = options->values[id];
    long number = option_number(options, id, -1);
    if (!*text) {
        MUST(number == -1 && option_spec(id)->kind == KIND_OPTIONAL_NUMBER);
        return;
    }
    MUST(number >= 0 && number <= 999999999);
    char again[16];
    snprintf(again, sizeof(again), "%ld", number);
    size_t zeros = strspn(text, "0");
    MUST(strcmp(text + (text[zeros] ? zeros : zeros - 1), again) == 0);
}

static void check_choice(const struct option_spec *spec, const char *text)
{
    _cleanup_free_ char *wanted = x_printf("|%s|", text);
    _cleanup_free_ char *all = x_printf("|%s|", spec->value_name);
    MUST(*text && !strchr(text, '|') && strstr(all, wanted));
}

static void check_values(const struct options *options, char *const *words)
{
    for (enum option_id id = 0; id < OPT_COUNT; id++) {
        const char *text = options->values[id];
        enum option_kind kind = option_spec(id)->kind;
        MUST(option_given(options, id) == (text != NULL));
        if (!text)
            continue;
        MUST(!*text || is_of(words, text));
        MUST(kind != KIND_FLAG || !*text);
        if (kind == KIND_NUMBER || kind == KIND_OPTIONAL_NUMBER)
            check_number(options, id);
        if (kind == KIND_CHOICE)
            check_choice(option_spec(id), text);
    }
}

/* Whether the text is in front of the "=" of a word. */
static bool is_in_name(char *const *words, const char *text)
{
    for (; *words; words++) {
        _cleanup_free_ char *name = x_strndup(*words, strcspn(*words, "="));
        if (strstr(name, text))
            return true;
    }
    return false;
}

/* The message about a wrong line says nothing of what stands behind a "=", which may be a secret
 * (rule R10), unless it is to be a number or a choice. */
static void check_error(const struct error *err, char *const *words)
{
    MUST(err->kind == ERR_USAGE && err->hint);
    if (strstr(err->message, " takes "))
        return;
    for (char *const *word = words; *word; word++) {
        const char *value = strchr(*word, '=');
        if (value && strlen(value) >= 8 && !is_in_name(words, value + 1))
            MUST(!strstr(err->message, value + 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    _cleanup_free_ char *line = take_rest(&input);
    char *words[MOST_WORDS + 2] = {(char[]){"es_test"}}, *permuted[MOST_WORDS + 2];
    int count = 1;
    for (char *word, *rest = line; count <= MOST_WORDS && (word = strsep(&rest, "\n"));)
        words[count++] = word;
    memcpy(permuted, words, sizeof(words));

    _cleanup_(error_release) struct error err = {};
    struct options options;
    int result = options_parse(&options, "es_test", own, count, permuted, &err);
    MUST((result < 0) == error_is_set(&err));
    if (result < 0) {
        check_error(&err, words);
        return 0;
    }
    check_values(&options, words);
    MUST(options.word_count < (size_t)count);
    for (size_t i = 0; i < options.word_count; i++)
        MUST(is_of(words, options.words[i]));
    return 0;
}
