"""on_done, on_error and on_always of every call, sync and async."""

import asyncio

from docarray import Document, DocumentArray

from harness import Calls, equal, scenario

CALLS = ('encode', 'rank', 'index', 'search')


def one_document(blob=None):
    match = Document(text='match') if blob is None else Document(blob=blob)
    root = Document(text='root') if blob is None else Document(blob=blob)
    root.matches = [match]
    return DocumentArray([root])


def result_of(call, documents, given):
    result = call(documents, **given)
    return asyncio.run(result) if asyncio.iscoroutine(result) else result


@scenario('callbacks of a call that succeeds', short=True)
def succeed(server):
    for name in (*CALLS, *(f'a{name}' for name in CALLS)):
        calls = Calls()
        equal(result_of(getattr(server.client(), name), one_document(), calls.given), None, name)
        equal(calls.counts, {'done': 1, 'error': 0, 'always': 1}, name)


@scenario('callbacks of a call that fails', short=True)
def fail(server):
    for name in (*CALLS, *(f'a{name}' for name in CALLS)):
        calls = Calls()
        equal(result_of(getattr(server.client(), name), one_document(b'no picture'), calls.given), None, name)
        equal(calls.counts, {'done': 0, 'error': 1, 'always': 1}, name)


@scenario('callbacks are called once for each batch')
def batches(server):
    calls = Calls()
    documents = DocumentArray(Document(text=f'{index}') for index in range(50))
    server.client().encode(documents, batch_size=8, **calls.given)
    equal(calls.counts, {'done': 7, 'error': 0, 'always': 7})


@scenario('the response of a callback holds documents, routes and parameters')
def response(server):
    seen = []
    server.client().encode([Document(id='x', text='hello')], on_done=seen.append, parameters={'mine': 5})
    [one] = seen
    equal(one.docs[:, 'id'], ['x'], 'ids')
    assert one.docs[0].embedding is not None
    equal(one.parameters['mine'], 5.0, 'parameters')
    equal([route.executor for route in one.routes], ['gateway', 'clip_o'], 'routes')
    equal(one.header.exec_endpoint, '/encode', 'endpoint')
