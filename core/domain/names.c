#include "domain/names.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The engine's limit is 255 bytes for the name of an index or an alias; "-" and ".W" with ten
 * digits each must still fit. */
enum { LONGEST_NAME = 255 - 11 - 12 };

static int refuse(const char *name, const char *why, struct error *err)
{
    error_set(err, ERR_USAGE, "\"%s\" cannot be the name of an index: %s", name, why);
    return error_hint(err, "Use lower-case letters, digits and _, beginning with a letter, "
                           "for example course_search.");
}

/* The first character that an index name cannot have, or NULL. */
static const char *wrong_character(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && !strchr("_-.", *c))
            return c;
    return NULL;
}

int name_check_prefix(const char *prefix, struct error *err)
{
    if (!*prefix || (!wrong_character(prefix) && isalnum((unsigned char)*prefix)))
        return 0;
    error_set(err, ERR_USAGE, "\"%s\" cannot be the prefix of an index", prefix);
    return error_hint(err, "Use lower-case letters, digits and _, beginning with a letter, for "
                           "example qa_.");
}

int name_check_master(const char *prefix, const char *name, struct error *err)
{
    int number;
    const char *wrong = wrong_character(name);
    if (name_check_prefix(prefix, err) < 0)
        return -1;
    if (!*name)
        return refuse(name, "it is empty", err);
    if (wrong && isupper((unsigned char)*wrong))
        return refuse(name, "the engine refuses upper case", err);
    if (wrong)
        return refuse(name, "it may have only letters, digits, \"_\", \"-\" and \".\"", err);
    if (!isalnum((unsigned char)*(*prefix ? prefix : name)))
        return refuse(name, "an index name begins with a letter or a digit", err);
    if (strlen(prefix) + strlen(name) > LONGEST_NAME)
        return refuse(name, "it is too long", err);
    if (name[strspn(name, "0123456789")] == '\0')
        return refuse(name, "digits alone would be taken for an instance number", err);
    if (name_split_instance(name, &number))
        return refuse(name, "\"-digits\" at its end would be taken for an instance", err);
    return 0;
}

char *name_of_index(const char *prefix, const char *name, int number)
{
    return x_printf("%s%s-%d", prefix, name, number);
}

char *name_of_write_alias(const char *index, int epoch)
{
    return x_printf("%s.W%d", index, epoch);
}

bool name_is_write_alias(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot[1] == 'W' && dot[2] && dot[2 + strspn(dot + 2, "0123456789")] == '\0';
}

const char *name_alias_wrong(const char *name)
{
    static const char rehearsal[] = ".rehearsal";
    size_t length = strlen(name), end = strlen(rehearsal);
    int number;
    if (!*name)
        return "it is empty";
    if (strchr("_-+.", *name))
        return "it must not begin with \"_\", \"-\", \"+\" or \".\"";
    for (const char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c) || strchr(" \"*\\<|,>/?#:", *c))
            return "the engine refuses space and any of \"*\\<|,>/?#:";
    if (length > LONGEST_NAME)
        return "it is too long";
    if (name_is_write_alias(name))
        return "so end the aliases through which esmigrate writes documents";
    if (name_split_instance(name, &number))
        return "\"-digits\" at its end is the name of an instance";
    if (length >= end && strcmp(name + length - end, rehearsal) == 0)
        return "so ends the alias of es_rollback --rehearse";
    return NULL;
}

int name_parse_number(const char *text)
{
    if (!*text || text[strspn(text, "0123456789")] != '\0' || strlen(text) > 9)
        return 0;
    return atoi(text);
}

size_t name_split_instance(const char *text, int *ret_number)
{
    const char *dash = strrchr(text, '-');
    if (!dash || dash == text)
        return 0;
    *ret_number = name_parse_number(dash + 1);
    return *ret_number ? (size_t)(dash - text) : 0;
}
