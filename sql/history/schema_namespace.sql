-- no parameters. The schema, where it was not prepared by someone with the right to do so.
CREATE SCHEMA esmigrate
