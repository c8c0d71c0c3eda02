"""Writes docarray.json beside this file: what the reference's document library makes of JSON documents and paths.

    pip install docarray==0.21.0 pydantic==1.10.4 protobuf==4.21.12 'numpy<2'
    python make.py
"""
import json
import pathlib

from docarray import Document, DocumentArray
from docarray.document.pydantic_model import PydanticDocument

DOCUMENTS = [
    {'id': 'a', 'text': 'hello'},
    {'id': 'a', 'text': ''},
    {'id': 5, 'text': 5.5},
    {'id': 'a', 'text': 'a', 'blob': 'aGk='},
    {'id': 'a', 'text': 'a', 'tensor': [[1, 2], [3, 4]]},
    {'id': 'a', 'blob': 'aGk=', 'tensor': [1]},
    {'id': 'a', 'blob': 'aG k=\n'},
    {'id': 'a', 'text': 'a', 'uri': 'a.png'},
    {'id': 'a', 'uri': 'data:image/png;base64,aa'},
    {'id': 'a', 'uri': 'data:,aa'},
    {'id': 'a', 'uri': 'data:text;base64,aa'},
    {'id': 'a', 'uri': 'data:nonsense'},
    {'id': 'a', 'uri': 'a.JPG', 'mime_type': 'text/plain'},
    {'id': 'a', 'uri': 'x.jpg?x=1'},
    {'id': 'a', 'uri': 'https://host/path/x.gif'},
    {'id': 'a', 'uri': 'hello', 'mime_type': 'image/png'},
    {'id': 'a', 'mime_type': 'image/png', 'text': 'hi'},
    {'id': 'a', 'weight': 0.1, 'offset': 1, 'location': [1, 0.1], 'modality': 'm', 'parent_id': 'p'},
    {'id': 'a', 'weight': 0, 'granularity': 0, 'offset': 0, 'location': [], 'tags': {}, 'chunks': []},
    {'id': 'a', 'tags': {'b': [2, {'c': 2.5}], 'd': None, 'e': True, 'f': 'x'}},
    {'id': 'a', 'granularity': '5', 'weight': '1'},
    {'id': 'a', 'granularity': 5.7},
    {'id': 'a', 'embedding': [1, 2.5]},
    {'id': 'a', 'embedding': [[1, 2]]},
    {'id': 'a', 'embedding': []},
    {'id': 'a', 'tensor': [[1.5, 2], [-3, 400]]},
    {'id': 'a', 'tensor': [[], []]},
    {'id': 'a', 'scores': {'s': {'value': 0.1}}, 'evaluations': {'s': {'value': 1, 'op_name': 'x', 'ref_id': 'r'}}},
    {
        'id': 'r',
        'granularity': 3,
        'adjacency': 2,
        'chunks': [
            {
                'id': 'c',
                'text': 'x',
                'granularity': 7,
                'adjacency': 9,
                'chunks': [{'id': 'cc', 'text': 'y'}],
                'matches': [{'id': 'cm', 'text': 'z'}],
            }
        ],
        'matches': [
            {'id': 'm', 'parent_id': 'q', 'granularity': 4, 'matches': [{'id': 'mm', 'chunks': [{'id': 'mmc'}]}]}
        ],
    },
]

PATHS = """@r @c @m @r,m @cc @r[0:2]c[1] @r[0] @r0:2 @r1c @ @x r @r, @rc @c[:] @c[1:] @c[::2] @r[5] @r[0 @c[0]m @r] @R
@r[1:2:3] @r[a] @rr @rr[1]c @m[0],c[0] @r[] @r[:]c @c1c0 @[r] @r[-2:] @r[2:0:-1] @r[0]c[0]x @r[1:-1] @r[--1] @r: @r::
@r::: @r[::-1] @r[-5:2] @r[5:0:-2] @r[0][1] @.[a] r0 @r[:-1]m[1:] @r[-1:] @r[-9] @c2 @c[3]""".split() + ['@ r , m']


def round_trip(source):
    """JSON → document → wire → document → JSON, as through the gateway."""
    document = Document.from_pydantic_model(PydanticDocument(**source))
    document = Document.from_protobuf(document.to_protobuf())
    return json.loads(document.to_pydantic_model().json())


def tree():
    return DocumentArray(
        [
            Document(
                id=f'r{i}',
                chunks=[
                    Document(id=f'r{i}c{j}', chunks=[Document(id=f'r{i}c{j}c{k}') for k in range(2)])
                    for j in range(3)
                ],
                matches=[Document(id=f'r{i}m{j}') for j in range(2)],
            )
            for i in range(3)
        ]
    )


def select(path):
    """Ids, or null where the reference raises."""
    try:
        found = tree()[path]
        return [document.id for document in found] if path.startswith('@') else None
    except Exception:
        return None


target = pathlib.Path(__file__).with_name('docarray.json')
golden = {
    'documents': [{'in': source, 'out': round_trip(source)} for source in DOCUMENTS],
    'paths': [{'path': path, 'ids': select(path)} for path in PATHS],
}
lines = [
    f'"{name}": [\n' + ',\n'.join(json.dumps(row, ensure_ascii=False) for row in rows) + '\n]'
    for name, rows in golden.items()
]
target.write_text('{\n' + ',\n'.join(lines) + '\n}\n')
