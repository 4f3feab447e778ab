"""Parquet: measured before it is unpacked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import InvalidFile
from .limits import check_unpacked, checked_names

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_NUMBER_TYPE = r"(u?int\d+|halffloat|float|double)"
_PLAIN_TYPE = re.compile(
    rf"{_NUMBER_TYPE}|bool|null|decimal.*|date.*|time.*|(large_)?string(_view)?|dictionary<values=(large_)?string,.*"
    rf"|(large_|fixed_size_)?list<\w+: {_NUMBER_TYPE}( not null)?>(\[\d+\])?"
)
"""Parquet column types, as Arrow writes them, that hold one value or one list of numbers."""


def read_parquet(data: bytes, filename: str) -> pd.DataFrame:
    """Whole numbers stay whole, also beside missing ones. Raises InvalidFile."""
    import pandas as pd
    import pyarrow as pa

    # Nullable integers: as floats, whole numbers beyond 2**53 (often ids) would be rounded.
    integers = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}.get
    try:
        frame: pd.DataFrame = _arrow_table(data, filename).to_pandas(ignore_metadata=True, types_mapper=integers)
    except (pa.ArrowException, OSError) as error:
        raise InvalidFile(f"{filename} is no readable Parquet file ({error}): write it again.") from None
    return frame


def _arrow_table(data: bytes, filename: str) -> pa.Table:
    """Read with texts as dictionaries: a short file that repeats one long text stays small until it is measured."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = parquet.read_schema(pa.BufferReader(data))
    # Columns of this name are row numbers that pandas added.
    columns = [name for name in schema.names if not re.fullmatch(r"__index_level_\d+__", name)]
    names = checked_names(columns, filename)
    if nested := [name for name in columns if not _PLAIN_TYPE.fullmatch(str(schema.field(name).type))]:
        raise InvalidFile(
            f"{filename}: column {nested[0]!r} holds {schema.field(nested[0]).type}, which is no single value: "
            "save it as plain columns of numbers or text, or as one list of numbers."
        )
    texts = [name for name in columns if "string" in str(schema.field(name).type)]
    file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    cells = sum(group.column(n).num_values for group in groups for n in range(group.num_columns))
    check_unpacked(sum(group.total_byte_size for group in groups), cells, filename)
    table = file.read(columns).rename_columns(names)
    check_unpacked(_text_bytes(table), cells, filename)
    fields = [field.with_type(pa.large_string()) if "string" in str(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def _text_bytes(table: pa.Table) -> int:
    from pyarrow import compute, types

    dictionaries = [column for column in table.columns if types.is_dictionary(column.type)]
    lengths = [
        compute.sum(compute.take(compute.binary_length(chunk.dictionary), chunk.indices).cast("int64")).as_py()
        for column in dictionaries
        for chunk in column.chunks
    ]
    return sum(length or 0 for length in lengths)
