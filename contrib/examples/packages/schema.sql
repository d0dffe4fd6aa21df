-- The example's source database: what an application that knows packages might keep. It knows nothing of search.

CREATE TABLE section (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE maintainer (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE package (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    version        text NOT NULL,
    architecture   text NOT NULL,
    section_id     integer NOT NULL REFERENCES section,
    priority       text,
    installed_size bigint, -- KiB
    maintainer_id  integer NOT NULL REFERENCES maintainer,
    homepage       text,
    summary        text NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- depends_on is a name and no reference: it may be of a package that only others provide, or that nobody has.
CREATE TABLE dependency (
    package_id integer NOT NULL REFERENCES package ON DELETE CASCADE,
    depends_on text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('depends', 'recommends', 'suggests')),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (package_id, kind, depends_on)
);

-- Names of packages of which a row is gone: the package itself, or one of its dependencies. A deleted row has no
-- updated_at left to find it by, so this is how a search index learns of it.
CREATE TABLE package_trace (
    name    text NOT NULL,
    left_at timestamptz NOT NULL DEFAULT now()
);
