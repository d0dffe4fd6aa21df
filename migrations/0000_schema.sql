-- oldest_binary: 0.1.0
-- What the migrations themselves are recorded in. The schema may have been prepared by someone who
-- has the right to do so.

CREATE TABLE esmigrate.schema_migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    oldest_binary text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE esmigrate.schema_migration IS 'The migrations of this schema that were applied.';
COMMENT ON COLUMN esmigrate.schema_migration.version IS '0, 1, 2 ...';
COMMENT ON COLUMN esmigrate.schema_migration.name IS 'Of the file in migrations/.';
COMMENT ON COLUMN esmigrate.schema_migration.sha256 IS 'Of the file as it was applied.';
COMMENT ON COLUMN esmigrate.schema_migration.oldest_binary IS 'Older versions of esmigrate refuse to work after this migration.';
COMMENT ON COLUMN esmigrate.schema_migration.applied_at IS 'When.';
