-- $1 action_id uuid, $2 phase text, $3 documents_done bigint, $4 documents_total bigint, $5 is_estimate boolean (both null: not known), $6 docs_per_second, $7 bytes_per_second, $8 bytes_sent: bigint, $9 in_flight, $10 in_flight_limit: integer, $11 retries, $12 rejected: bigint, $13 eta_seconds bigint (null: not known). Of a running action alone; the commit waits for no disk and no standby, since a lost row is written anew a second later.
INSERT INTO esmigrate.action_progress
    (action_id, phase, documents_done, documents_total, is_estimate, docs_per_second, bytes_per_second, bytes_sent,
     in_flight, in_flight_limit, retries, rejected, eta_seconds)
SELECT id, $2, $3::bigint, $4::bigint, $5::boolean, $6::bigint, $7::bigint, $8::bigint,
       $9::integer, $10::integer, $11::bigint, $12::bigint, $13::bigint
FROM esmigrate.index_action
WHERE id = $1::uuid AND status = 'running' AND set_config('synchronous_commit', 'off', true) IS NOT NULL
ON CONFLICT (action_id) DO UPDATE
SET written_at = clock_timestamp(), phase = excluded.phase, documents_done = excluded.documents_done,
    documents_total = excluded.documents_total, is_estimate = excluded.is_estimate,
    docs_per_second = excluded.docs_per_second, bytes_per_second = excluded.bytes_per_second,
    bytes_sent = excluded.bytes_sent, in_flight = excluded.in_flight,
    in_flight_limit = excluded.in_flight_limit, retries = excluded.retries, rejected = excluded.rejected,
    eta_seconds = excluded.eta_seconds
