-- Words and sentences that depend on nothing but their number: the same text on every machine.
CREATE FUNCTION word(seed bigint, place integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (string_to_array(
        'the of and a river winter stone garden letter history music science night city road bread island modern '
        'introduction small great quiet northern southern ancient practical theory art cooking travel language '
        'mathematics children memory summer forest mountain sea light shadow house bridge machine learning market '
        'painting poetry revolution empire journey silence truth water fire wind glass paper copper silver golden '
        'analysis design method guide handbook stories essays Zürich café naïve señor Łódź', ' '))
        [1 + mod(hashint8extended(seed, place) & 4294967295, 72)::integer];

-- Five words. Expressions only, so that PostgreSQL inlines them: an aggregate would take minutes for a million rows.
CREATE FUNCTION phrase(seed bigint, place integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN word(seed, place) || ' ' || word(seed, place + 1) || ' ' || word(seed, place + 2) || ' '
        || word(seed, place + 3) || ' ' || word(seed, place + 4);

CREATE FUNCTION paragraph(seed bigint, place integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN phrase(seed, place) || ' ' || phrase(seed, place + 5) || ', ' || phrase(seed, place + 10) || ' '
        || phrase(seed, place + 15) || '. ' || phrase(seed, place + 20) || ' ' || phrase(seed, place + 25) || '.';

CREATE FUNCTION number_below(seed bigint, place integer, limit_ integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN mod(hashint8extended(seed, place) & 4294967295, limit_)::integer;
