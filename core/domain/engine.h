/*
 * The engine: an Elasticsearch or OpenSearch cluster, as far as esmigrate needs it. Documents do
 * not pass through here (see bulk.h); this is for indexes and aliases.
 *
 * Errors are ERR_ENGINE: not reachable, or refused; err->http_code has the engine's status.
 */
#ifndef ESMIGRATE_DOMAIN_ENGINE_H
#define ESMIGRATE_DOMAIN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "clients/http.h"
#include "clients/json.h"
#include "domain/dialect.h"

struct engine {
    struct http *http;
    const struct dialect *dialect;
    char *version; /* e.g. "2.19.6" */
    char *cluster_uuid;
    bool lacks_must_exist; /* it refused an alias action with it (engine_update_aliases()) */
};

/* Connects and asks who is there. Of several URLs those that answer must be of one cluster, and
 * one at least must answer. */
int engine_open(const struct http_options *access, struct engine **ret_engine, struct error *err);
void engine_close(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_close)

/* An index as the engine describes it. */
struct engine_index {
    bool exists; /* an index of exactly this name (not an alias) */
    char *uuid;
    char *made_by; /* the create action in mappings._meta.esmigrate, or NULL */
    int shards;
    bool async_translog; /* acknowledges what a killed node loses (rule R5) */
    char **aliases;
    size_t alias_count;
};
void engine_index_release(struct engine_index *index);
bool engine_index_has_alias(const struct engine_index *index, const char *alias);

int engine_find_index(struct engine *engine, const char *name, struct engine_index *ret_index,
                      struct error *err);

/* Creates an index with the body; *ret_uuid is the caller's. An answer that got lost is not taken
 * for a failure if the index is there and bears `action_id`. After a failure engine_refused() tells
 * whether none was created for certain. */
int engine_create_index(struct engine *engine, const char *name, const char *body,
                        const char *action_id, char **ret_uuid, struct error *err);

/* Deletes the index; one that is gone already is fine. */
int engine_delete_index(struct engine *engine, const char *name, struct error *err);

/* The names of the indexes an alias points to; the caller's (texts_free()). */
int engine_alias_indexes(struct engine *engine, const char *alias, char ***ret_names,
                         size_t *ret_count, struct error *err);
/* The names of the indexes that match a pattern, with their uuids. */
struct engine_entry {
    char *name;
    char *uuid;
};
int engine_list_indexes(struct engine *engine, const char *pattern, struct engine_entry **ret_list,
                        size_t *ret_count, struct error *err);
void engine_entries_free(struct engine_entry *list, size_t count);

/* Where an alias lies, and how: on one index, with its options. */
struct alias_place {
    char *index;
    char *options; /* JSON object: filter, index_routing, search_routing, is_write_index, is_hidden,
                    * those that are set */
};
/* By the names of the indexes; none if there is no such alias. */
int engine_find_alias(struct engine *engine, const char *alias, struct alias_place **ret_list,
                      size_t *ret_count, struct error *err);
void alias_places_free(struct alias_place *list, size_t count);

/* One atomic `_aliases` call. */
struct alias_action {
    enum { ALIAS_ADD, ALIAS_REMOVE, ALIAS_REMOVE_INDEX } kind;
    const char *index;
    const char *alias;   /* NULL with ALIAS_REMOVE_INDEX, which deletes the index */
    const char *options; /* of an ALIAS_ADD, as in alias_place; NULL: none */
    bool must_exist;     /* an ALIAS_REMOVE of an alias that is not there refuses the whole call,
                          * if the engine knows that; one that does not refuses it with 400 */
};
int engine_update_aliases(struct engine *engine, const struct alias_action *actions, size_t count,
                          struct error *err);

/*
 * The settings of an index by their flat names ("index.refresh_interval"), as a JSON object in
 * which one that is not set is null: what engine_put_settings() takes to have them as they were.
 * The caller's (free()).
 */
int engine_get_settings(struct engine *engine, const char *index, const char *const *names,
                        size_t count, char **ret_settings, struct error *err);
int engine_put_settings(struct engine *engine, const char *index, const char *settings,
                        struct error *err);

/* How many documents a search of the index is to return at once: `most`, or index.max_result_window
 * if that is less. */
int engine_window(struct engine *engine, const char *index, size_t most, size_t *ret_window,
                  struct error *err);

/* Waits until the copies of the index that can be made are made; *ret_done: whether they are after
 * at most so many seconds. */
int engine_wait_copies(struct engine *engine, const char *index, int seconds, bool *ret_done,
                       struct error *err);

/* Merges each shard to one segment, however long that takes; ERR_STOPPED when a stop is asked for,
 * after which the engine goes on with it. */
int engine_force_merge(struct engine *engine, const char *index, struct error *err);

/* Makes what was written visible to searches and counts. */
int engine_refresh(struct engine *engine, const char *index, struct error *err);
int engine_count(struct engine *engine, const char *index, int64_t *ret_count, struct error *err);

/* The greatest _seq_no that each shard has given out, -1 for none. The caller's (free()). */
int engine_max_seq_no(struct engine *engine, const char *index, int64_t **ret_marks,
                      size_t *ret_shards, struct error *err);

/* Waits until no request through one of the index's write aliases is under way: one of a run that
 * was killed may be, which the fence did not stop any more. A user who may not list tasks waits for
 * nothing. */
int engine_wait_written(struct engine *engine, const char *index, struct error *err);

/*
 * The next page of documents of one shard whose _seq_no is above `after` and at most `upto`, in
 * that order: {"id", "seq_no", "routing"}. Routing is NULL for most. `limit` is at most what
 * engine_window() gives, here and below.
 */
struct engine_document {
    char *id;
    char *routing;
    int64_t seq_no;
};
int engine_documents(struct engine *engine, const char *index, size_t shard, int64_t after,
                     int64_t upto, size_t limit, struct engine_document **ret_list,
                     size_t *ret_count, struct error *err);
/* At most `limit` documents that have one of these ids, on whatever shard; *ret_total: how many
 * there are. Their seq_no is not read. */
int engine_documents_with(struct engine *engine, const char *index, const char *const *ids,
                          size_t count, size_t limit, struct engine_document **ret_list,
                          size_t *ret_count, size_t *ret_total, struct error *err);
void engine_documents_free(struct engine_document *list, size_t count);

/* A request that only reads, from start to end: for a few seconds it is made again when an answer
 * is lost, or is one of those (429, 502 to 504) that say that the next may be another. */
int engine_perform_read(struct engine *engine, struct http_request *request, struct error *err);

/* What was searched or counted while a shard was not there is not all there is: ERR_ENGINE. Such a
 * shard is none that failed, it is only missing among the successful ones. */
int engine_check_shards(json *answer, const char *doing, struct error *err);

/* The error about it. Returns -1. */
int engine_shards_missing(const char *doing, struct error *err);

/* Any request without a body, or with one in JSON; a GET as engine_perform_read(). An error status
 * is an error but for `accepted` (0: none), which then gives NULL in *ret_answer; that is the
 * caller's, and may be NULL. */
int engine_call(struct engine *engine, const char *method, const char *path, const char *body,
                const char *doing, int accepted, json **ret_answer, struct error *err);

/* The same of what only reads: a POST of the body, a GET without one, that the engine must not
 * refuse; `doing` names it in messages. *ret_answer is the caller's. */
int engine_ask(struct engine *engine, const char *path, const char *body, const char *doing,
               json **ret_answer, struct error *err);

/*
 * Puts what an answer says went wrong into *err: "TYPE: REASON" of an engine's error, cut where it
 * begins to quote the request (rule R10), or the answer's first bytes.
 */
int engine_answer_error(const struct http_request *request, const char *doing, struct error *err);

/* Whether a 404 or a 408 is the engine's word for it: a gateway says the same of its own paths, or
 * when the engine is not behind it, which says nothing about indexes. */
bool engine_is_answer(const struct http_request *request);

/* Whether the engine itself refused, so that it has certainly not done what it was asked: not so
 * when the answer was lost, or when what stands between gave up waiting for it. */
bool engine_refused(const struct error *err);

/* The reason without what the engine quotes of the request behind it; the caller's (free()). */
char *engine_cut_reason(const char *reason);

/* A name as it may stand in a URL's path; the caller's (free()). */
char *engine_path_escape(const char *name);

#endif
