-- no parameters. Lets other sessions read in the snapshot of this transaction.
SELECT pg_catalog.pg_export_snapshot() AS snapshot
