-- $1 load_id bigint. Documents of a full update that its finished ranges account for.
SELECT coalesce(sum(docs_indexed + docs_deleted + docs_rejected + docs_superseded), 0)::bigint AS documents
FROM esmigrate.load_range WHERE load_id = $1::bigint AND finished_at IS NOT NULL
