"""What users do with the openai package, unmodified, against a server of test/openai/moody-service.ts.

Arguments: URL with /v1, key, model.
"""

import asyncio
import math
import struct
import sys

import openai

from cases import run_cases

URL, KEY, MODEL = sys.argv[1:]
PIXEL = 'data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=='
IDS = [49406, 320, 736, 49407]


def client(**options):
    return openai.OpenAI(base_url=URL, **{'api_key': KEY, 'max_retries': 0, **options})


def raw(text):
    answer = client().embeddings.create(
        model=MODEL, input=text, encoding_format='float', extra_body={'normalize': False}
    )
    return answer.data[0].embedding


def unit(values):
    length = math.sqrt(sum(value * value for value in values))
    return [struct.unpack('f', struct.pack('f', value / length))[0] for value in values]


def raised(kind, call):
    try:
        call()
    except openai.APIError as error:
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError(f'expected {kind.__name__}, got an answer')


def single():
    answer = client().embeddings.create(model=MODEL, input='a red apple')
    assert answer.object == 'list' and answer.model == MODEL, answer
    assert answer.data[0].embedding == unit(raw('a red apple')), answer.data
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (5, 5), answer.usage


def batch():
    words = [f'word {i}' for i in range(100)]
    plain = client().embeddings.create(model=MODEL, input=words, encoding_format='float', user='u')
    unasked = client().embeddings.create(model=MODEL, input=words)
    assert [item.index for item in unasked.data] == list(range(100))
    assert [item.embedding for item in unasked.data] == [item.embedding for item in plain.data]
    assert plain.data[7].embedding == unit(raw('word 7'))


def token_ids():
    one = client().embeddings.create(model=MODEL, input=IDS)
    two = client().embeddings.create(model=MODEL, input=[IDS, IDS])
    assert [item.embedding for item in two.data] == 2 * [one.data[0].embedding]
    assert (one.usage.prompt_tokens, two.usage.prompt_tokens) == (4, 8)


def base64():
    answer = client().embeddings.create(model=MODEL, input='a', encoding_format='base64')
    assert isinstance(answer.data[0].embedding, str), answer


def dimensions():
    answer = client().embeddings.create(model=MODEL, input='a b', dimensions=2)
    assert answer.data[0].embedding == unit(raw('a b')[:2]), answer


def pictures():
    answer = client().embeddings.create(model=MODEL, input=[PIXEL, {'image': PIXEL}, {'text': 'a'}, 'a'])
    first, second, third, fourth = [item.embedding for item in answer.data]
    assert first == second and third == fourth and first != third, answer


def asynchronous():
    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0) as many:
            calls = [many.embeddings.create(model=MODEL, input=f'{i}') for i in range(20)]
            return [answer.data[0].embedding for answer in await asyncio.gather(*calls)]

    assert asyncio.run(all_at_once()) == [unit(raw(f'{i}')) for i in range(20)]


def models():
    assert [model.id for model in client().models.list()] == [MODEL]
    assert client().models.retrieve('Fa/ke@1').id == MODEL
    raised(openai.NotFoundError, lambda: client().models.retrieve('other'))


def errors():
    cases = [
        ({'model': 'other'}, openai.NotFoundError, 'model', 'model_not_found'),
        ({'input': []}, openai.BadRequestError, 'input', 'invalid_request'),
        ({'input': ['a', 'fail:invalid_image']}, openai.BadRequestError, 'input[1]', 'invalid_image'),
        ({'dimensions': 5}, openai.BadRequestError, 'dimensions', 'invalid_request'),
        ({'input': 4097 * ['a']}, openai.BadRequestError, None, 'too_many_items'),
        ({'input': 'busy:overloaded:9:p'}, openai.RateLimitError, None, 'rate_limit_exceeded'),
        ({'input': 'busy:engine_failed:9:p'}, openai.InternalServerError, None, 'engine_failed'),
    ]
    for body, kind, param, code in cases:
        error = raised(kind, lambda: client().embeddings.create(**{'model': MODEL, 'input': 'a', **body}))
        assert (error.param, error.code) == (param, code), error


def wrong_key():
    other = client(api_key='sk-of-somebody-else')
    error = raised(openai.AuthenticationError, lambda: other.embeddings.create(model=MODEL, input='a'))
    assert (error.code, error.type) == ('invalid_api_key', 'invalid_request_error'), error
    assert 'somebody' not in str(error), error


def timeout():
    patient = client(timeout=0.3)
    raised(openai.APITimeoutError, lambda: patient.embeddings.create(model=MODEL, input='hang:'))


def retries():
    patient = client(max_retries=2)
    for text in ['busy:overloaded:1:r', 'busy:queue_timeout:1:r']:
        assert patient.embeddings.create(model=MODEL, input=text).data[0].embedding == unit(raw(text))


run_cases([
    single, batch, token_ids, base64, dimensions, pictures, asynchronous, models, errors, wrong_key, timeout, retries
])
