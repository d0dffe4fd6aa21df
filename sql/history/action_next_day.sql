-- $1 day timestamptz (null: none yet), $2 interval text. The first day (UTC) after that one, and before the day that so long ago was, on which an action began; null: there is none.
SELECT date_trunc('day', min(started_at), 'UTC') AS day
FROM esmigrate.index_action
WHERE ($1::timestamptz IS NULL OR started_at >= $1::timestamptz + interval '1 day')
  AND started_at < date_trunc('day', clock_timestamp() - $2::interval, 'UTC')
