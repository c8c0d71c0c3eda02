"""index() and search() of a server without an indexer: both encode, and nothing is found."""

import asyncio

from docarray import Document, DocumentArray

from harness import equal, same, scenario
from pictures import picture

SENTENCES = ['she smiled, with pain', 'a red apple', 'two dogs']


def found_nothing(result, ids):
    assert isinstance(result, DocumentArray), type(result)
    equal(len(result), len(ids), 'documents')
    assert all(len(document.matches) == 0 for document in result), 'matches from nowhere'


@scenario('index texts and pictures', short=True)
def index(server):
    result = server.client().index([Document(text=SENTENCES[0]), Document(blob=picture(1))])
    same(result.embeddings, server.expected(SENTENCES[0], picture(1)))
    same(server.client().index(SENTENCES).embeddings, server.expected(*SENTENCES))


@scenario('aindex')
def aindex(server):
    same(asyncio.run(server.client().aindex(SENTENCES)).embeddings, server.expected(*SENTENCES))


@scenario('search with a limit', short=True)
def search(server):
    for limit in (1, 2, 10):
        found_nothing(server.client().search(SENTENCES, limit=limit), SENTENCES)


@scenario('asearch with a limit')
def asearch(server):
    for limit in (1, 2):
        found_nothing(asyncio.run(server.client().asearch(SENTENCES, limit=limit)), SENTENCES)


@scenario('index and search encode on the wire')
def on_the_wire(server):
    documents = DocumentArray(Document(text=text) for text in SENTENCES)
    for endpoint in ('/index', '/search'):
        same(server.post(documents, on=endpoint, parameters={'limit': 2}).embeddings, server.expected(*SENTENCES))
