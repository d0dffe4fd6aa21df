-- $1 interval text. Its length in whole seconds, rounded up.
SELECT ceil(extract(epoch FROM $1::interval))::bigint AS seconds
