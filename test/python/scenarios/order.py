"""Order and identity: documents come back where they were, under their own ids."""

import asyncio
import random

from docarray import Document, DocumentArray

from harness import equal, same, scenario, texts


def numbered(count=20):
    return DocumentArray(Document(id=str(index), text=f'text {index}') for index in range(count))


def in_order(server, result, documents):
    equal(result[:, 'id'], documents[:, 'id'], 'ids')
    assert all(got is given for got, given in zip(result, documents)), 'other objects came back'
    same(result.embeddings, server.expected(*documents.texts))


@scenario('20 documents in batches of one keep their order', short=True)
def one_by_one(server):
    documents = numbered()
    in_order(server, server.client().encode(documents, batch_size=1), documents)


@scenario('20 documents in batches of one keep their order, async', short=True)
def one_by_one_async(server):
    documents = numbered()
    in_order(server, asyncio.run(server.client().aencode(documents, batch_size=1)), documents)


@scenario('batches of mixed size and cost keep their order')
def uneven(server):
    lengths = random.Random(1)
    documents = DocumentArray(Document(text='word ' * lengths.randint(1, 90) + str(index)) for index in range(150))
    in_order(server, server.client().encode(documents, batch_size=7), documents)


@scenario('ids of any kind come back')
def odd_ids(server):
    ids = ['0', 'a b', 'ünï', '日本', 'x' * 500, '../../etc', '"quoted"', '\\', '{}', 'null', '00000000000000000000000000000000']
    documents = DocumentArray(Document(id=one, text=text) for one, text in zip(ids, texts(len(ids))))
    in_order(server, server.client().encode(documents, batch_size=3), documents)


@scenario('the plain client gets results in order when it asks', protocols=('grpc',))
def asked_for(server):
    documents = numbered(200)
    result = server.jina().post('/encode', documents, request_size=2, results_in_order=True)
    equal(result[:, 'id'], documents[:, 'id'], 'ids')
    same(result.embeddings, server.expected(*documents.texts))


@scenario('the plain client gets every result when it does not ask for an order')
def any_order(server):
    documents = numbered(200)
    same(server.post(documents, request_size=2).embeddings, server.expected(*documents.texts))


@scenario('rank keeps the order of 20 roots in batches of one')
def ranked(server):
    for call in ('rank', 'arank'):
        documents = DocumentArray(
            Document(id=str(index), text=f'text {index}', matches=[Document(text='a'), Document(text=f'b {index}')])
            for index in range(20)
        )
        result = getattr(server.client(), call)(documents, batch_size=1)
        result = asyncio.run(result) if asyncio.iscoroutine(result) else result
        equal(result[:, 'id'], documents[:, 'id'], 'ids')
        assert all(got is given for got, given in zip(result, documents)), 'other objects came back'
        for index, root in enumerate(result):
            equal(sorted(root.matches.texts), ['a', f'b {index}'], f'matches of {index}')
