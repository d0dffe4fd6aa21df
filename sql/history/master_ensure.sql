-- $1 name text
INSERT INTO esmigrate.index_master (name) VALUES ($1) ON CONFLICT (name) DO NOTHING
