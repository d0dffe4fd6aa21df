# Turns SQL files into C: awk -v part=header|source -f embed.awk sql/*/*.sql migrations/*.sql
# sql/history/lock_try.sql becomes `const char sql_history_lock_try[]`; the migrations become one
# table, ordered by their number. The first line of a migration names the oldest binary that may
# still work after it.

function finish_file() {
    if (name != "" && part == "source" && !is_migration)
        print ";"
    if (name != "" && is_migration)
        migrations = migrations "\n    },"
}

BEGIN {
    print "/* Made by contrib/embed.awk from sql/ and migrations/. */"
    if (part == "header") {
        print "#ifndef ESMIGRATE_SQL_H\n#define ESMIGRATE_SQL_H\n#include <stddef.h>"
        print "struct migration {\n    int version;\n    const char *name;\n    const char *oldest_binary;\n    const char *sql;\n};"
        print "extern const struct migration migrations[];\nextern const size_t migration_count;"
    } else {
        print "#include \"sql.h\""
    }
}

FNR == 1 {
    finish_file()
    is_migration = FILENAME ~ /(^|\/)migrations\//
    name = FILENAME
    sub(/\.sql$/, "", name)
    if (is_migration) {
        sub(/.*\//, "", name)
        oldest = $0
        sub(/^-- oldest_binary: */, "", oldest)
        migrations = migrations "\n    {\n        .version = " (substr(name, 1, 4) + 0) \
            ",\n        .name = \"" name "\",\n        .oldest_binary = \"" oldest "\",\n        .sql ="
        count++
    } else {
        gsub(/\//, "_", name)
        if (part == "header")
            print "extern const char " name "[];"
        else
            print "const char " name "[] ="
    }
}

{
    line = $0
    gsub(/\\/, "\\\\", line)
    gsub(/"/, "\\\"", line)
    text = "\n    \"" line "\\n\""
    if (is_migration)
        migrations = migrations text
    else if (part == "source")
        printf "%s", substr(text, 2) "\n"
}

END {
    finish_file()
    if (part == "header") {
        print "#endif"
    } else {
        print "const struct migration migrations[] = {" migrations "\n};"
        print "const size_t migration_count = " count ";"
    }
}
