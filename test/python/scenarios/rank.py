"""rank() and arank(): scores, their order, and what stays on the matches."""

import asyncio

import numpy as np
from docarray import Document, DocumentArray

from harness import Calls, equal, fails, scenario
from pictures import picture, pixels

PROMPTS = ['this is a photo of', 'a dog', 'a red apple on a table', 'two cats', 'a bicycle', 'night']
SCALE = np.exp(4.60517)


def picture_roots(count=10):
    return [
        Document(blob=picture(index), matches=[Document(text=f'{text} {index}', tags={'n': n}) for n, text in enumerate(PROMPTS)])
        for index in range(count)
    ]


def scores_of(query, candidates):
    """Cosine and softmax as the reference computes them, in double precision."""
    norms = np.linalg.norm(query) * np.linalg.norm(candidates, axis=1)
    cosine = np.clip((candidates @ query + 1e-7) / (norms + 1e-7), -1, 1)
    weights = np.exp(SCALE * (cosine - cosine.max()))
    return cosine, weights / weights.sum()


def check(server, root, query, contents):
    """`contents`: of each match by its `tags['n']`, as `expected` takes them."""
    vectors = server.expected(query, *contents).astype(np.float64)
    cosine, share = scores_of(vectors[0], vectors[1:])
    equal(len(root.matches), len(contents), 'matches')
    equal([int(match.tags['n']) for match in root.matches], list(np.argsort(-share, kind='stable')), 'order')
    for match in root.matches:
        n = int(match.tags['n'])
        got = match.scores['clip_score'], match.scores['clip_score_cosine']
        equal([one.op_name for one in got], ['softmax', 'cosine'], 'op_name')
        assert abs(got[1].value - cosine[n]) < 1e-5, (got[1].value, cosine[n])
        assert abs(got[0].value - share[n]) < 2e-4, (got[0].value, share[n])
        assert match.embedding is None
    assert abs(sum(match.scores['clip_score'].value for match in root.matches) - 1) < 1e-5


@scenario('rank pictures by texts, as list, DocumentArray and generator', short=True)
def pictures_by_texts(server):
    for container in (list, DocumentArray, iter):
        result = server.client().rank(container(picture_roots()))
        assert isinstance(result, DocumentArray), type(result)
        equal(len(result), 10, 'roots')
        for index, root in enumerate(result):
            check(server, root, picture(index), [f'{text} {index}' for text in PROMPTS])


@scenario('rank texts by pictures')
def texts_by_pictures(server):
    blobs = [picture(seed) for seed in range(6)]
    roots = [Document(text=text, matches=[Document(blob=blob, tags={'n': n}) for n, blob in enumerate(blobs)]) for text in PROMPTS]
    for root, text in zip(server.client().rank(roots), PROMPTS):
        check(server, root, text, blobs)
        assert not root.blob
        equal(sorted(root.matches.blobs), sorted(blobs), 'blobs of the matches')


@scenario('rank texts by texts, and by tensors')
def other_mixtures(server):
    words = [Document(text=text, tags={'n': n}) for n, text in enumerate(PROMPTS)]
    tensors = [Document(tensor=pixels(seed), tags={'n': seed}) for seed in range(3)]
    result = server.client().rank([Document(text='query', matches=words), Document(text='other', matches=tensors)])
    check(server, result[0], 'query', PROMPTS)
    check(server, result[1], 'other', [picture(seed) for seed in range(3)])


@scenario('arank', short=True)
def asynchronous(server):
    result = asyncio.run(server.client().arank(picture_roots(3)))
    for index, root in enumerate(result):
        check(server, root, picture(index), [f'{text} {index}' for text in PROMPTS])


@scenario('one match has the whole score')
def one_match(server):
    [root] = server.client().rank([Document(text='a', matches=[Document(text='b', tags={'n': 0})])])
    check(server, root, 'a', ['b'])


@scenario('ids, tags and uris stay on the matches')
def fields_stay(server):
    matches = [Document(id=f'm{n}', text=text, uri=f'x/{n}', tags={'n': n}) for n, text in enumerate(PROMPTS)]
    [root] = server.client().rank([Document(text='q', matches=matches)])
    for match in root.matches:
        n = int(match.tags['n'])
        equal((match.id, match.text, match.uri, match.adjacency), (f'm{n}', PROMPTS[n], f'x/{n}', 1))


@scenario('on the wire roots keep their embedding and matches lose it')
def on_the_wire(server):
    [root] = server.post(DocumentArray(picture_roots(1)), on='/rank')
    equal(np.asarray(root.embedding).shape, server.expected('x')[0].shape, 'embedding of the root')
    assert all(match.embedding is None for match in root.matches)
    equal(root.blob, picture(0), 'blob of the root')


@scenario('roots without matches are refused by the client')
def no_matches(server):
    fails(lambda: server.client().rank([Document(text='a')]), BaseException)


@scenario('a root without matches is refused by the server')
def no_matches_on_the_wire(server):
    roots = DocumentArray([Document(text='a', matches=[Document(text='b')]), Document(text='c')])
    calls = Calls()
    server.jina().post('/rank', roots, **calls.given)
    equal(calls.counts, {'done': 0, 'error': 1, 'always': 1})
