"""Many calls at the same time, from threads and coroutines."""

import asyncio
import threading

from docarray import Document, DocumentArray

from harness import equal, same, scenario, texts
from pictures import picture


@scenario('five threads get their own documents', short=True)
def threads(server):
    results, failures = {}, []

    def work(name):
        try:
            documents = DocumentArray(Document(id=f'{name}-{index}', text=f'{name} {index}') for index in range(20))
            asyncio.set_event_loop(asyncio.new_event_loop())
            results[name] = server.client().encode(documents, batch_size=2)
        except Exception as error:
            failures.append(error)

    running = [threading.Thread(target=work, args=(f'thread{name}',)) for name in range(5)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    equal(failures, [], 'failures')
    for name, result in results.items():
        equal(result[:, 'id'], [f'{name}-{index}' for index in range(20)], 'ids')
        same(result.embeddings, server.expected(*[f'{name} {index}' for index in range(20)]))
    equal(len(results), 5, 'threads')


@scenario('threads that use the same document ids')
def same_ids(server):
    results = {}

    def work(name):
        documents = DocumentArray(Document(id=str(index), text=f'{name} {index}') for index in range(20))
        results[name] = server.client().encode(documents, batch_size=3).embeddings

    running = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    for name in range(4):
        same(results[name], server.expected(*[f'{name} {index}' for index in range(20)]))


@scenario('aencode next to another coroutine', short=True)
def next_to_another(server):
    async def both():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        vectors = await server.client().aencode(texts(200), batch_size=5)
        ticking.cancel()
        return vectors, ticks

    vectors, ticks = asyncio.run(both())
    same(vectors, server.expected(*texts(200)))
    assert ticks > 10, ticks


@scenario('ten aencode at once, each with its own client')
def gathered(server):
    async def all_of_them():
        calls = [server.client().aencode(texts(30, f'call {call}'), batch_size=4) for call in range(10)]
        return await asyncio.gather(*calls)

    for call, vectors in enumerate(asyncio.run(all_of_them())):
        same(vectors, server.expected(*texts(30, f'call {call}')))


@scenario('aencode of Documents, lists, generators and pictures')
def content(server):
    client = server.client()
    same(asyncio.run(client.aencode(texts(5))), server.expected(*texts(5)))
    same(asyncio.run(client.aencode(text for text in texts(5))).embeddings, server.expected(*texts(5)))
    documents = [Document(text='hello'), Document(blob=picture(1))]
    result = asyncio.run(client.aencode(documents))
    assert result[0] is documents[0]
    same(result.embeddings, server.expected('hello', picture(1)))


@scenario('async calls with empty input')
def empty(server):
    client = server.client()
    equal(asyncio.run(client.aencode([])), [], 'aencode')
    for call in (client.arank, client.aindex, client.asearch):
        for nothing in ([], DocumentArray()):
            equal(len(asyncio.run(call(nothing))), 0, call.__name__)


# Over WebSocket the client waits for ever for the end of a stream that it gave up itself.
@scenario('a cancelled aencode leaves the server as it was', protocols=('grpc', 'http'))
def cancelled(server):
    async def give_up():
        task = asyncio.ensure_future(server.client().aencode(texts(2000), batch_size=1))
        await asyncio.sleep(0.2)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return
        raise AssertionError('the call ended before it was cancelled')

    asyncio.run(give_up())
    same(server.client().encode(texts(3)), server.expected(*texts(3)))
