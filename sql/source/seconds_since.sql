-- $1 timestamptz. Seconds by the source's clock.
SELECT extract(epoch FROM clock_timestamp() - $1::timestamptz) AS seconds
