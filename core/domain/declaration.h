/*
 * A declaration: the files under indexes/NAME/ (section 2 of the design). It is read from disk to
 * create an instance; the instance then keeps its own copy of the content.
 */
#ifndef ESMIGRATE_DOMAIN_DECLARATION_H
#define ESMIGRATE_DOMAIN_DECLARATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "domain/json_value.h"
#include "domain/master_options.h"

struct document_field {
    char *name;
    unsigned int type_oid; /* of a domain: what it is made of */
    enum json_form form;   /* in which it is read, if documents are built */
};

/* What the source tells about the statement in documents.sql. */
struct document_columns {
    char *id_type; /* of _id, as format_type() writes it */
    unsigned int id_type_oid;
    char *id_cast;         /* what other values become to have the text of an _id */
    bool id_is_exact;      /* two of its values are equal exactly when their texts are */
    unsigned int id_table; /* the table that _id is a column of, or 0 */
    int id_column;
    bool has_changed_at; /* _changed_at is there */
    bool changed_at_has_zone;
    bool has_deleted;
    bool has_routing;
    bool has_source;
    struct document_field *fields; /* the other columns, in order */
    size_t field_count;
};
void document_columns_release(struct document_columns *columns);

/* The content of a declaration: what the fingerprint is made of and an instance copies. */
struct content {
    char *body;            /* index.json, verbatim */
    char *documents_sql;   /* verbatim */
    char *changed_sql;     /* or NULL */
    char *changed_at_zone; /* or NULL */
};
void content_release(struct content *content);

struct declaration {
    char *name;
    struct content content;
    struct master_options options;
    char *options_json; /* master.json without passwords, for the history; "{}" without a file */
    char *fingerprint;
};
void declaration_release(struct declaration *declaration);

/* Whether indexes/NAME/ is there. */
bool declaration_exists(const char *directory, const char *name);

/* Whether the folder of declarations is there; if not, ERR_USAGE. */
int declarations_check(const char *directory, struct error *err);

/* The error about a declaration, or a whole folder of them, that is not there: ERR_USAGE, with the
 * nearest name as a hint. Returns -1. */
int declaration_missing(const char *directory, const char *name, struct error *err);

/*
 * Reads and checks the files. What is wrong with one is ERR_USAGE, and the message begins with
 * the file's path.
 */
int declaration_read(const char *directory, const char *name, struct declaration *ret_declaration,
                     struct error *err);

/* The names of all declarations, sorted; the caller's (texts_free()). A directory that is missing
 * has none. */
int declaration_names(const char *directory, char ***ret_names, size_t *ret_count,
                      struct error *err);

/*
 * "1:" and the SHA-256 of the canonical body, the SQL texts and the zone, each with its length in
 * front; the number says which algorithm made it. The caller's (free()).
 */
char *content_fingerprint(const struct content *content, struct error *err);

/*
 * The body of "create index": the declared one with the write alias, the id of the create action
 * in mappings._meta.esmigrate (rule R7) and, unless the body has its own in any spelling,
 * index.gc_deletes = 10m (rule R3) and index.translog.durability = request (rule R5). The caller's
 * (free()).
 */
char *content_create_body(const struct content *content, const char *write_alias,
                          const char *action_id, struct error *err);

/* A setting of the body in any spelling ("index": {"x": ..}, "index.x", "x"), as text; NULL if it
 * is not there. The caller's (free()). */
char *content_setting(const struct content *content, const char *name, struct error *err);
/* The pipeline that a setting names, "default_pipeline" or "final_pipeline"; NULL: none, or *err.
 * The caller's. */
char *content_pipeline(const struct content *content, const char *setting, struct error *err);

/* Looks at the columns that PostgreSQL described; `place` begins the messages. */
struct pg_description;
int document_columns_read(const struct pg_description *description, const char *zone,
                          const char *place, struct document_columns *ret_columns,
                          struct error *err);

#endif
