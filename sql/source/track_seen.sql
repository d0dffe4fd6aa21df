-- no parameters. The trackers that are to be seen here and now, each by its name and since when it records.
SELECT coalesce(array_agg(name || ' ' || began_at::text ORDER BY name), '{}')::text AS trackers FROM esmigrate_source.tracker
