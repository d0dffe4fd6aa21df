/*
 * Trackers: what a source needs so that each change of a table is recorded with the _id of the
 * document it concerns, whichever SQL made it. A tracker is one table seen by one expression, for
 * one master; it has a trigger function and four statement-level triggers, all of its name, and a
 * row in esmigrate_source.tracker. The records of all trackers are in esmigrate_source.change.
 * This module makes the texts; the source runs them.
 */
#ifndef ESMIGRATE_DOMAIN_TRACK_H
#define ESMIGRATE_DOMAIN_TRACK_H

/* Texts are borrowed. */
struct tracker {
    const char *master;
    const char *table;      /* with its schema, quoted where need be */
    const char *alias;      /* the table's name alone, quoted: the expression may use it */
    const char *plain;      /* the same, not quoted */
    const char *expression; /* over a row of the table */
    const char *id_type;    /* of _id in documents.sql, as format_type() writes it */
    const char *reader;     /* the role that reads the source, quoted */
};

/*
 * The same for the same master, table and expression, and for no others: what is legible of their
 * names, and a digest. At most 54 bytes of a-z, 0-9 and "_", so that it needs no quotes and is no
 * identifier too long with "_truncate" behind it. The caller's (free()).
 */
char *tracker_name(const struct tracker *tracker);

/*
 * A statement that yields the ids of all rows of the table, as the triggers make them: for the
 * server to prepare. *ret_position is how many characters stand in front of the expression. The
 * caller's.
 */
char *tracker_probe(const struct tracker *tracker, int *ret_position);

/* The same with the bare expression: one that has a comma in it yields more than one column. */
char *tracker_bare_probe(const struct tracker *tracker);

/* The DDL: several statements, which may be run again, as pasteable SQL. The caller's. */
char *tracker_ddl(const struct tracker *tracker);

/* A SELECT of _id over $1 for changed.sql, one line without a semicolon. The caller's. */
char *tracker_changed_sql(const struct tracker *tracker);

#endif
