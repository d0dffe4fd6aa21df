-- Three tables that make one document of about 4 KB.
CREATE TABLE teacher (id bigint PRIMARY KEY, name text NOT NULL, biography text NOT NULL);
CREATE TABLE course (
    id bigint PRIMARY KEY,
    teacher_id bigint NOT NULL REFERENCES teacher,
    title text NOT NULL,
    summary text NOT NULL,
    price numeric(8, 2) NOT NULL,
    published boolean NOT NULL,
    starts_on date NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON course (updated_at);
CREATE TABLE lesson (
    course_id bigint NOT NULL REFERENCES course,
    place integer NOT NULL,
    title text NOT NULL,
    content text NOT NULL,
    minutes integer NOT NULL,
    PRIMARY KEY (course_id, place)
);
