-- $1 master_id bigint. For how long an instance is kept that was active before, as master.json had it; null: not at all.
SELECT options->>'keep' AS keep FROM esmigrate.index_master WHERE id = $1::bigint
