"""Writes python.json beside this file: messages of the reference's client library, and what it makes of them itself.

    pip install jina==3.15.2 docarray==0.21.1 clip-client==0.8.3
    python make.py

Each case: `message`, a whole DataRequestProto; `data`, the content after the reference parsed it and wrote it again;
`json`, its documents in the reference's JSON form. `pictures`: tensors and what NumPy's cast to uint8 makes of them.
"""
import json
import pathlib

import numpy as np
from docarray import Document, DocumentArray
from docarray.proto.docarray_pb2 import DocumentProto
from docarray.score import NamedScore
from jina.proto.jina_pb2 import DataRequestProto
from jina.types.request.data import DataRequest

RANDOM = np.random.default_rng(7)


def vector(dtype='<f4', length=5):
    return RANDOM.standard_normal(length).astype(dtype)


def document(number, **fields):
    return Document(id=f'd{number}', **fields)


def tree():
    return document(
        0,
        text='root',
        chunks=[document(1, text='c', chunks=[document(2, uri='x.png')], matches=[document(3, blob=b'\0\xff')])],
        matches=[document(4, text='m', scores={'clip_score': NamedScore(value=0.25, op_name='softmax')})],
    )


DOCUMENTS = {
    'text': [document(0, text='hello'), document(1, text='grüße 你好 😀\ufffd\0 end')],
    'long text': [document(0, text='é' * 300 + 'a' * 300)],
    'only an id': [Document(id='0'), Document(id='naïve id')],
    'blob': [document(0, blob=bytes(range(256)) * 2)],
    'uri': [document(0, uri='a.jpg'), document(1, uri='https://host/picture')],
    'uri and text': [document(0, uri='a.jpg', text='x')],
    'scalars': [
        document(0, weight=0.1, offset=-2.5, location=[1, 0.1, -3e38], modality='m', parent_id='p',
                 granularity=3, adjacency=4294967295),
    ],
    'not finite': [document(1, weight=float('nan'), offset=float('inf'))],
    'tags': [document(0, tags={'a': {'b': [1, 2.5, None, True, 'x', {}, []]}}), document(1, tags={'__proto__': 1})],
    'metadata': [Document(id='a', _metadata={'multi': {'x': [1]}}, text='t')],
    'scores': [
        document(0, scores={'s': NamedScore(value=0.5, op_name='o', description='d', ref_id='r')}),
        document(1, scores={'': NamedScore(op_name='o')}, evaluations={'1': NamedScore(value=-1.5)}),
    ],
    'tree': [tree()],
    'embedding': [document(0, embedding=vector(), text='a'), document(1, embedding=vector('<f4', 512))],
    'embedding list': [document(0, embedding=[0.5, 1.5])],
    'embeddings of other types': [document(i, embedding=vector(t)) for i, t in enumerate(['<f2', '<f8', '>f4'])],
    'embedding of two axes': [document(0, embedding=vector('<f4', 6).reshape(2, 3))],
    'many': [document(i, text=f'text {i}', tags={'i': i}) for i in range(40)],
    'none': [],
}

ARRAYS = [
    RANDOM.integers(0, 256, (5, 4, 3)).astype(dtype)
    for dtype in ['|u1', '|i1', '<u2', '>u2', '<i2', '>i2', '<u4', '>u4', '<i4', '>i4', '<u8', '>u8', '<i8', '>i8']
] + [
    (RANDOM.standard_normal((3, 4, 3)) * 300).astype(dtype) for dtype in ['<f2', '>f2', '<f4', '>f4', '<f8', '>f8']
] + [
    RANDOM.integers(-(2**15), 2**15, (2, 3)).astype('<i2'),
    RANDOM.integers(-(2**62), 2**62, (2, 3)),
    np.array([[True, False], [False, True]]),
    np.array([[0, 6e-8, 6.1e-5, 65504], [-65504, -0.0, 1, -1.5]], dtype='<f2'),
]


def raw(**fields):
    return DocumentProto(id='a', **fields)


# What another client may write.
RAW = {
    'empty text': raw(text=''),
    'empty blob': raw(blob=b''),
    'uri without a type': raw(uri='b.png'),
    'zeroes that are there': raw(weight=0.0, granularity=0, scores={'s': {'value': 0.0, 'op_name': 'x'}}),
    'chunks without parents': raw(chunks=[{'id': 'c', 'text': 'x'}], matches=[{'id': 'm', 'text': 'y'}]),
}


def request(documents):
    message = DataRequest()
    message.header.request_id = 'request'
    message.header.exec_endpoint = '/encode'
    message.parameters = {'drop_image_content': True, 'limit': 10, 'nested': {'a': [None, 'x', 1.5]}}
    message.data.docs = DocumentArray(documents)
    return message.proto


def envelope(documents):
    proto = DataRequestProto()
    proto.header.request_id = 'raw'
    proto.data.docs.docs.extend(documents)
    return proto


def case(name, proto):
    again = DocumentArray.from_protobuf(proto.data.docs)
    content = DataRequestProto.DataContentProto()
    content.docs.CopyFrom(again.to_protobuf())
    return {
        'name': name,
        'message': proto.SerializeToString(deterministic=True).hex(),
        'data': content.SerializeToString(deterministic=True).hex(),
        # JSON has no word for NaN.
        'json': None if name == 'not finite' else [in_json(document) for document in again],
    }


def in_json(document):
    """Without `_metadata`, which the reference's HTTP gateway does not answer with."""
    fields = json.loads(document.to_pydantic_model().json())
    fields.pop('_metadata', None)
    return fields


def picture(array):
    proto = Document(id='a', tensor=array).to_protobuf()
    with np.errstate(all='ignore'):
        cast = array.astype(np.uint8)
    return {
        'dtype': array.dtype.str,
        'shape': array.shape,
        'document': proto.SerializeToString().hex(),
        'bytes': cast.tobytes().hex(),
        'values': None if array.dtype == bool else array.flatten().tolist(),
    }


golden = {
    'cases': [case(name, request(documents)) for name, documents in DOCUMENTS.items()]
    + [case(name, envelope([proto])) for name, proto in RAW.items()],
    'pictures': [picture(array) for array in ARRAYS],
}
lines = [
    f'"{name}": [\n' + ',\n'.join(json.dumps(row, ensure_ascii=False) for row in rows) + '\n]'
    for name, rows in golden.items()
]
pathlib.Path(__file__).with_name('python.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')
