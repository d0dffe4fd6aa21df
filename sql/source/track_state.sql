-- $1 changed.sql text, $2 since timestamptz. What can be wrong with the trackers that it reads: the triggers are gone, switched off or on another table than the one that bears its name now (they could have been so for a while: switched on again they are no longer ALWAYS), a subscription fills it, records that it needs were pruned, or they begin too late.
SELECT t.name, t.source_table, t.id_expression, t.master, t.began_at, t.pruned_up_to,
       t.name || ' ' || t.began_at::text AS seen_as,
       triggers.subscribed,
       $2::timestamptz < t.pruned_up_to AS pruned,
       $2::timestamptz < t.began_at AS late,
       triggers.count < 4 AS broken
FROM esmigrate_source.tracker t
LEFT JOIN LATERAL (
    SELECT c.oid FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
      AND pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) = t.source_table
) bearer ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS count,
           coalesce(bool_or(EXISTS (
               SELECT FROM pg_catalog.pg_subscription_rel r
               WHERE r.srrelid = g.tgrelid OR r.srrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(g.tgrelid)))), false) AS subscribed
    FROM pg_catalog.pg_trigger g
    JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'esmigrate_source' AND p.proname = t.name AND g.tgenabled = 'A'
      AND g.tgrelid = coalesce(bearer.oid, g.tgrelid)
) triggers
WHERE strpos($1, pg_catalog.quote_literal(t.name)) > 0
ORDER BY t.name
