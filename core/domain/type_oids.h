/* Type oids of PostgreSQL's own types; they never change (catalog/pg_type.dat). */
#ifndef ESMIGRATE_DOMAIN_TYPE_OIDS_H
#define ESMIGRATE_DOMAIN_TYPE_OIDS_H

enum {
    BOOL_OID = 16,
    BYTEA_OID = 17,
    NAME_OID = 19,
    INT8_OID = 20,
    INT2_OID = 21,
    INT4_OID = 23,
    TEXT_OID = 25,
    OID_OID = 26,
    JSON_OID = 114,
    FLOAT4_OID = 700,
    FLOAT8_OID = 701,
    BPCHAR_OID = 1042, /* its text form is without the blanks that do not count */
    VARCHAR_OID = 1043,
    DATE_OID = 1082,
    TIMESTAMP_OID = 1114,
    NUMERIC_OID = 1700,
    UUID_OID = 2950,
    JSONB_OID = 3802,
    FIRST_OWN_OID = 16384, /* of the types that users make */
};

#endif
