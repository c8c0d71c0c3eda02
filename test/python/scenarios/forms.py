"""Output forms: what NumPy's arrays hold that the client gets, against the definition computed from the float32 vectors."""

import base64

import numpy as np

from harness import Calls, equal, same, scenario, text_docs, texts

DTYPES = {'float16': 'float16', 'int8': 'int8', 'uint8': 'uint8', 'binary': 'int8', 'ubinary': 'uint8'}
"""Lists of JSON have no types: these are NumPy's for its numbers."""
JSON_DTYPES = {'float16': 'float64', 'int8': 'int64', 'uint8': 'int64', 'binary': 'int64', 'ubinary': 'int64'}
COUNT = 20


def normalised(vectors):
    wide = vectors.astype(np.float64)
    return (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)


def check(got, kind, vectors):
    """`vectors` are what the form was made of; two runs of an engine may differ by a last bit of them."""
    got = np.asarray(got)
    if kind == 'float16':
        assert np.allclose(got, vectors, rtol=2**-11, atol=1e-6)
        return
    if kind in ('int8', 'uint8'):
        zero = 128 if kind == 'uint8' else 0
        assert np.abs(got.astype(np.float64) - zero - vectors * 127.0).max() <= 0.5 + 1e-3
        return
    if kind == 'binary':
        got = (got.astype(np.int64) + 128).astype(np.uint8)
    bits = np.unpackbits(np.asarray(got, np.uint8), axis=1)[:, : vectors.shape[1]]
    equal(got.shape[1], (vectors.shape[1] + 7) // 8, 'bytes')
    assert ((bits == 1) == (vectors > 0))[np.abs(vectors) > 1e-6].all()


@scenario('embedding_type: each type of number, and its NumPy type', short=True)
def types(server):
    raw = server.expected(*texts(COUNT))
    for kind, dtype in DTYPES.items():
        documents = server.post(text_docs(COUNT), parameters={'embedding_type': kind})
        expected = JSON_DTYPES[kind] if server.protocol == 'http' else dtype
        equal({np.asarray(one.embedding).dtype.name for one in documents}, {expected}, f'dtype of {kind}')
        check(documents.embeddings, kind, normalised(raw) if kind in ('int8', 'uint8') else raw)


@scenario('the CLIP client gives them as an array')
def by_the_clip_client(server):
    result = server.client().encode(texts(COUNT), parameters={'embedding_type': 'int8', 'dimensions': 24})
    equal(result.shape, (COUNT, 24), 'shape')
    check(result, 'int8', normalised(server.expected(*texts(COUNT))[:, :24]))


@scenario('normalize and dimensions', short=True)
def lengths(server):
    raw = server.expected(*texts(COUNT))
    for parameters, expected in (
        ({'normalize': True}, normalised(raw)),
        ({'normalise': True}, normalised(raw)),
        ({'normalize': False}, raw),
        ({'dimensions': 7}, normalised(raw[:, :7])),
        ({'dimensions': 7, 'normalize': False}, raw[:, :7]),
        ({'dimensions': raw.shape[1]}, normalised(raw)),
    ):
        back = server.post(text_docs(COUNT), parameters=parameters)
        same(back.embeddings, expected)


def each_encoding():
    for kind, dtype in {'float': '<f4', **{kind: np.dtype(name).str for kind, name in DTYPES.items()}}.items():
        yield kind, dtype, {'embedding_type': kind, 'encoding_format': 'base64'}


@scenario('encoding_format base64 is nothing to protobuf, which carries bytes', protocols=('grpc', 'websocket'))
def bytes_already(server):
    for _, dtype, parameters in each_encoding():
        documents = server.post(text_docs(COUNT), parameters=parameters)
        equal({one.embedding.dtype.str for one in documents}, {dtype}, 'dtype')


@scenario('encoding_format base64 over HTTP, without the client: docarray takes no text for an embedding', protocols=('http',))
def in_base64(server):
    raw = server.expected(*texts(COUNT))
    for kind, dtype, parameters in each_encoding():
        documents = server.encode_json([{'text': text} for text in texts(COUNT)], parameters=parameters)
        got = np.stack([np.frombuffer(base64.b64decode(one['embedding']), dtype) for one in documents])
        if kind == 'float':
            same(got, raw)
        else:
            check(got, kind, normalised(raw) if kind in ('int8', 'uint8') else raw)


@scenario('a length that the model is not trained for is warned of in the answer')
def warned(server):
    def post(**parameters):
        [response] = server.jina().post('/encode', text_docs(2), parameters=parameters, return_responses=True)
        return response.parameters

    [warning] = post(dimensions=7)['__warnings__']
    assert 'not trained for vectors of 7 dimensions' in warning, warning
    assert '__warnings__' not in post(dimensions=32)


@scenario('a form that cannot be had is an error of the request')
def refused(server):
    for parameters, part in (
        ({'dimensions': 33}, 'dimensions: expected a whole number from 1 to 32, got 33'),
        ({'embedding_type': 'int4'}, 'embedding_type: expected one of'),
        ({'normalize': 'yes'}, 'normalize: expected true or false'),
    ):
        calls = Calls()
        server.jina().post('/encode', text_docs(2), parameters=parameters, **calls.given)
        equal(calls.counts, {'done': 0, 'error': 1, 'always': 1}, 'calls')
        status = calls.failures[0].header.status
        assert part in status.description, status.description
        equal(status.exception.name, 'ValueError', 'exception')


@scenario('rank takes the form for its roots')
def ranked(server):
    from docarray import Document, DocumentArray

    roots = DocumentArray([Document(text='a', matches=[Document(text='b'), Document(text='c')])])
    [plain] = server.post(roots, on='/rank')
    [formed] = server.post(roots, on='/rank', parameters={'embedding_type': 'ubinary'})
    equal(np.asarray(formed.embedding).shape, (4,), 'shape')
    scores = [[match.scores['clip_score'].value for match in root.matches] for root in (plain, formed)]
    assert np.allclose(*scores, atol=1e-5), scores
