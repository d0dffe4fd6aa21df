-- oldest_binary: 0.1.0
-- A clock cannot tell whether a full update saw a tracker whose transaction was still open.

ALTER TABLE esmigrate.full_load ADD COLUMN trackers text[];
COMMENT ON COLUMN esmigrate.full_load.trackers IS 'The trackers that the source had when it began, each as NAME and since when it records. What they do not record was read by it. Null: not known.';
