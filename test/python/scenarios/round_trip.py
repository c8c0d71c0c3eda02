"""DocumentArrays through the server: equal but for what it adds."""

import numpy as np
from docarray import Document, DocumentArray
from docarray.score import NamedScore

from harness import equal, scenario
from pictures import picture

NESTED = {'n': 1.5, 'text': 'ü', 'yes': True, 'no': False, 'none': None, 'list': [1, 'a', [2], {}], 'map': {'a': {'b': []}}}


def rich_document():
    """Every field that a Document has."""
    return Document(
        id='rich',
        text='hello',
        uri='x/a.png',
        mime_type='text/plain',
        modality='words',
        weight=0.5,
        offset=2.0,
        location=[1.0, 2.5],
        tags=NESTED,
        scores={'mine': NamedScore(value=0.25, op_name='op', description='why', ref_id='other')},
        evaluations={'recall': NamedScore(value=0.75)},
        chunks=[
            Document(id='c0', text='chunk', tags={'a': 1}, chunks=[Document(id='cc', text='deep')]),
            Document(id='c1', blob=picture(1)),
        ],
        matches=[Document(id='m0', text='match', chunks=[Document(id='mc', blob=b'\x00\xff')])],
    )


def without_additions(document):
    copy = Document(document, copy=True)
    copy.pop('embedding')
    return copy


def untouched(server, documents):
    return server.post(documents, target_executor='nobody')


@scenario('a document with every field comes back equal', short=True)
def every_field(server):
    [back] = untouched(server, DocumentArray([rich_document()]))
    compare(server, back, rich_document())


@scenario('an encoded document is equal but for its embedding', short=True)
def encoded(server):
    [back] = server.post(DocumentArray([rich_document()]))
    assert back.embedding is not None
    compare(server, without_additions(back), rich_document())


@scenario('an empty document comes back')
def empty_document(server):
    back = server.post(DocumentArray([Document(id='nothing'), Document(id='text', text='x')]))
    assert back[0].embedding is None and back[1].embedding is not None


@scenario('number types of arrays stay', short=True, protocols=('grpc', 'websocket'))
def number_types(server):
    names = 'bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64'.split()
    given = [np.arange(6).reshape(2, 3).astype(name) for name in names]
    given += [np.float32(5).reshape(1), np.asfortranarray(np.ones((3, 4), '>f4'))]
    documents = DocumentArray(
        Document(text='x', chunks=[Document(tensor=array), Document(text='c', embedding=array)]) for array in given
    )
    for got, array in zip(server.post(documents), given):
        for back in (got.chunks[0].tensor, got.chunks[1].embedding):
            equal((back.dtype, back.shape), (array.dtype, array.shape), 'type and shape')
            assert (back == array).all()


@scenario('lists as tensors stay lists', protocols=('grpc', 'websocket'))
def lists(server):
    documents = DocumentArray([Document(text='x', chunks=[Document(tensor=[1.0, 2.0, 3.0])])])
    [back] = server.post(documents)
    assert isinstance(back.chunks[0].tensor, list), type(back.chunks[0].tensor)
    equal(back.chunks[0].tensor, [1.0, 2.0, 3.0], 'tensor')


@scenario('arrays over JSON keep their numbers', protocols=('http',))
def json_numbers(server):
    array = np.random.RandomState(0).standard_normal((4, 5)).astype(np.float32)
    [back] = server.post(DocumentArray([Document(text='x', chunks=[Document(tensor=array)])]))
    assert (np.asarray(back.chunks[0].tensor) == array).all()


@scenario('500 documents of mixed content come back equal')
def many(server):
    documents = DocumentArray(
        Document(id=str(index), text=f'text {index}', tags={'n': index, 'text': 'ü' * index}) for index in range(500)
    )
    for back, given in zip(server.post(documents, request_size=100), documents):
        compare(server, without_additions(back), given)


def compare(server, got, given):
    """By fields, with what Python itself reads from what it sends: both forms derive some fields from others."""
    if server.protocol == 'http':
        [expected] = DocumentArray.from_dict(DocumentArray([given]).to_dict())
    else:
        [expected] = DocumentArray.from_protobuf(DocumentArray([given]).to_protobuf())
    got, expected = got.to_dict(), expected.to_dict()
    # Filled in where a text is encoded.
    for one in (got, expected):
        one.pop('mime_type', None)
    for key in sorted({*got, *expected}):
        equal(got.get(key), expected.get(key), key)
