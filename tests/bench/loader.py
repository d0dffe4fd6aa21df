"""What one would write in Python: loader.py CONNINFO URL INDEX FILE, FILE being a documents.sql.

A server-side cursor, parallel_bulk with its four threads, and a refresh at the end.
"""

import pathlib
import sys

import psycopg
from opensearchpy import OpenSearch, helpers
from psycopg.rows import dict_row

ROWS = 5000


def actions(cursor, index):
    for row in cursor:
        _id = row.pop("_id")
        del row["_changed_at"]
        yield {"_op_type": "index", "_index": index, "_id": _id, "_source": row}


def main(conninfo, url, index, file):
    client = OpenSearch([url], timeout=300)
    count = 0
    with psycopg.connect(conninfo) as connection, connection.cursor(name="loader", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS
        cursor.execute(pathlib.Path(file).read_text())
        for ok, item in helpers.parallel_bulk(client, actions(cursor, index), chunk_size=ROWS):
            if not ok:
                raise RuntimeError(item)
            count += 1
    client.indices.refresh(index=index)
    print(count)


main(*sys.argv[1:])
