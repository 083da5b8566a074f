"""Reads a Parquet file, or a directory of them, by DuckDB and compares it with JSON lines, row by row.

compare.py PARQUET JSONL: prints the number of rows, and the columns with DuckDB's types, as JSON.
"""

import decimal
import glob
import json
import os
import sys

import duckdb

HEX = {"checksum", "parent", "checksum_body", "request_checksum", "checkpoint_id"}
DECIMAL_MAX = 10**38 - 1


def as_json(column, value):
    """The value that the JSON has to have."""
    if isinstance(value, (bytes, bytearray)):
        assert len(value) == 16, (column, value)
        return value.hex() if column in HEX else str(int.from_bytes(value, "big"))
    if isinstance(value, decimal.Decimal):
        return str(int(value))
    return value


def main(path, jsonl):
    paths = sorted(glob.glob(os.path.join(path, "*.parquet"))) if os.path.isdir(path) else [path]
    columns, count = None, 0
    with open(jsonl, encoding="utf-8") as lines:
        for path in paths:
            connection = duckdb.connect()
            rows = connection.execute("describe select * from read_parquet(?)", [path]).fetchall()
            described = {name: kind for name, kind, *_ in rows}
            assert columns in (None, described), "every file has the same columns"
            columns = described
            read = connection.execute("select * from read_parquet(?)", [path])
            while rows := read.fetchmany(10000):
                for row in rows:
                    expected = json.loads(next(lines))
                    assert expected.pop("time").endswith("Z")  # Parquet has the number alone
                    found = {name: as_json(name, value) for name, value in zip(columns, row)}
                    if "amount_u128" in found:
                        wide, amount = found.pop("amount_u128"), expected["amount"]
                        fits = amount is not None and int(amount) <= DECIMAL_MAX
                        assert (found["amount"] is None) == (not fits), found
                        assert (wide is None) == (fits or amount is None), found
                        found["amount"] = found["amount"] or wide
                    assert list(found) == list(expected), (list(found), list(expected))
                    assert found == expected, (count, found, expected)
                    count += 1
        assert next(lines, None) is None, f"the JSON has more than {count} rows"
    print(json.dumps({"rows": count, "columns": columns}))


main(*sys.argv[1:])
