"""What users do with the cohere package, unmodified, against a server of test/openai/moody-service.ts.

Arguments: URL, key, model.
"""

import asyncio
import base64
import math
import struct
import sys

import cohere
import httpx

from cases import run_cases

URL, KEY, MODEL = sys.argv[1:]
PIXEL = 'data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=='


def client(**options):
    return cohere.ClientV2(base_url=URL, **{'api_key': KEY, 'max_retries': 0, **options})


def embed(**wanted):
    return client().embed(**{'model': MODEL, 'input_type': 'search_document', **wanted})


def raised(kind, call):
    try:
        call()
    except cohere.core.api_error.ApiError as error:
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError(f'expected {kind.__name__}, got an answer')


def texts():
    words = ['a red apple', *(f'word {i}' for i in range(99))]
    answer = embed(texts=words, input_type='search_query')
    assert answer.response_type == 'embeddings_by_type' and answer.id, answer
    assert len(answer.embeddings.float_) == 100 and answer.texts == words
    assert all(abs(math.hypot(*vector) - 1) < 1e-6 for vector in answer.embeddings.float_)
    assert answer.meta.api_version.version == '2'
    assert answer.meta.billed_units.input_tokens == 5 + 99 * 4, answer.meta


def every_type():
    kinds = ['float', 'int8', 'uint8', 'binary', 'ubinary', 'base64']
    found = embed(texts=['a', 'b c'], embedding_types=kinds).embeddings
    for i, vector in enumerate(found.float_):
        assert list(struct.unpack('<4f', base64.b64decode(found.base64[i]))) == vector
        assert found.int8[i] == [round(value * 127) for value in vector]
        assert found.uint8[i] == [value + 128 for value in found.int8[i]]
        bits = sum(128 >> at for at, value in enumerate(vector) if value > 0)
        assert (found.ubinary[i], found.binary[i]) == ([bits], [bits - 128])
    alone = embed(texts=['a'], embedding_types=['int8']).embeddings
    assert alone.float_ is None and len(alone.int8) == 1, alone


def dimension():
    answer = embed(texts=['a b'], output_dimension=2)
    assert len(answer.embeddings.float_[0]) == 2
    assert 'not trained' in answer.meta.warnings[0], answer.meta


def pictures():
    images = embed(images=[PIXEL, PIXEL], input_type='image')
    assert images.embeddings.float_[0] == images.embeddings.float_[1]
    assert images.meta.billed_units.images == 2 and images.texts is None, images
    mixed = embed(
        inputs=[
            {'content': [{'type': 'image_url', 'image_url': {'url': PIXEL}}]},
            {'content': [{'type': 'text', 'text': 'a'}]},
        ]
    )
    text = embed(texts=['a']).embeddings.float_[0]
    assert mixed.embeddings.float_ == [images.embeddings.float_[0], text], mixed


def asynchronous():
    async def all_at_once():
        many = cohere.AsyncClientV2(base_url=URL, api_key=KEY)
        calls = [many.embed(model=MODEL, input_type='clustering', texts=[f'{i}']) for i in range(20)]
        return [answer.embeddings.float_[0] for answer in await asyncio.gather(*calls)]

    assert asyncio.run(all_at_once()) == embed(texts=[f'{i}' for i in range(20)]).embeddings.float_


def errors():
    parts = [{'type': 'text', 'text': 'a'}, {'type': 'text', 'text': 'b'}]
    cases = [
        ({'model': 'other'}, cohere.NotFoundError, 'not served'),
        ({'texts': []}, cohere.BadRequestError, 'texts'),
        ({'input_type': 'other'}, cohere.BadRequestError, 'input_type'),
        ({'images': [PIXEL]}, cohere.BadRequestError, 'texts and images'),
        ({'truncate': 'START'}, cohere.BadRequestError, 'truncate'),
        ({'max_tokens': 5}, cohere.BadRequestError, 'max_tokens'),
        ({'embedding_types': ['float16']}, cohere.BadRequestError, 'embedding_types[0]'),
        ({'output_dimension': 5}, cohere.BadRequestError, 'output_dimension'),
        ({'texts': None, 'inputs': [{'content': parts}]}, cohere.BadRequestError, 'inputs[0].content'),
        ({'texts': ['a', 'fail:text_too_long'], 'truncate': 'NONE'}, cohere.BadRequestError, 'texts[1]'),
        ({'texts': ['busy:overloaded:9:c']}, cohere.TooManyRequestsError, 'expected'),
        ({'texts': ['busy:engine_failed:9:c']}, cohere.InternalServerError, 'expected'),
        ({'texts': ['busy:not_ready:9:c']}, cohere.ServiceUnavailableError, 'expected'),
    ]
    for wanted, kind, told in cases:
        error = raised(kind, lambda: embed(**{'texts': ['a'], **wanted}))
        assert told in error.body['message'], error


def wrong_key():
    other = client(api_key='of-somebody-else')
    error = raised(
        cohere.UnauthorizedError, lambda: other.embed(model=MODEL, input_type='image', texts=['a'])
    )
    assert 'somebody' not in str(error), error


def timeout():
    patient = client(timeout=0.3)
    try:
        patient.embed(model=MODEL, input_type='image', texts=['hang:'])
    except httpx.TimeoutException:
        return
    raise AssertionError('expected a timeout, got an answer')


def retries():
    patient = client(max_retries=2)
    for text in ['busy:overloaded:1:s', 'busy:queue_timeout:1:s']:
        answer = patient.embed(model=MODEL, input_type='image', texts=[text])
        assert len(answer.embeddings.float_) == 1, answer


run_cases([texts, every_type, dimension, pictures, asynchronous, errors, wrong_key, timeout, retries])
