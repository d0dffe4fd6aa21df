-- $1 changed_at_zone text, $2 overlap text: each null if not given. Fails if one of them cannot be used.
SELECT now() AT TIME ZONE $1 AS in_zone, $2::interval >= interval '0' AS overlap_is_good
