"""Readiness, profiles, credentials and options of the connection."""

import asyncio
import os

from docarray import Document

from harness import equal, fails, same, scenario, text_docs, texts
from pictures import picture


@scenario('is_flow_ready, and dry_run', short=True)
def ready(server):
    assert server.jina().is_flow_ready() is True
    assert server.jina().dry_run() is True
    assert asyncio.run(server.jina(asyncio=True).is_flow_ready()) is True


@scenario('jina ping', short=True)
def ping(server):
    from jina.checker import NetworkChecker
    from jina.parsers.ping import set_ping_parser

    scheme = server.url.split(':')[0]
    try:
        NetworkChecker(set_ping_parser().parse_args(['flow', server.url, '--attempts', '1', '--timeout', '5000']))
    except SystemExit as end:
        equal(end.code, 0, f'exit code of jina ping flow {scheme}')


@scenario('profile without content, of a sentence and of a picture', short=True)
def profile(server):
    from harness import folder_of

    with folder_of({'a.jpg': picture(1, 'JPEG')}) as folder:
        for content in ((), ('she smiled',), (f'{folder}/a.jpg',)):
            times = server.client().profile(*content)
            names = {'Roundtrip', 'Client-server network', 'Server', 'Gateway-CLIP network', 'CLIP model'}
            equal(set(times), names, 'names')
            assert times['Server'] >= 1 and times['CLIP model'] >= 0, times


@scenario("the plain client's profiling")
def profiling(server):
    times = server.jina().profiling(show_table=False)
    assert 'clip_o' in times and times['Server'] >= 1, times


@scenario('a credential is sent and does no harm', short=True)
def credential(server):
    client = server.client(credential={'Authorization': 'secret'})
    same(client.encode(texts(3)), server.expected(*texts(3)))
    os.environ['CLIP_AUTH_TOKEN'] = 'from the environment'
    try:
        same(server.client().encode(texts(3)), server.expected(*texts(3)))
    finally:
        del os.environ['CLIP_AUTH_TOKEN']


@scenario('other schemes are refused')
def schemes(server):
    address = server.url.split('//')[1]
    fails(lambda: type(server.client())(f'other://{address}'), ValueError)
    fails(lambda: type(server.client())(address), ValueError)


@scenario('a server that is not there is a ConnectionError')
def nobody(server):
    import socket

    with socket.socket() as held:
        held.bind(('127.0.0.1', 0))
        url = f'{server.url.split(":")[0]}://127.0.0.1:{held.getsockname()[1]}'
        fails(lambda: type(server.client())(url).encode(['a']), ConnectionError, OSError)


@scenario('one unary call instead of a stream', protocols=('grpc',))
def unary(server):
    same(server.post(text_docs(5), stream=False).embeddings, server.expected(*text_docs(5).texts))


@scenario('compressed requests', protocols=('grpc',))
def compressed(server):
    for kind in ('Gzip', 'Deflate'):
        same(server.post(text_docs(50), compression=kind).embeddings, server.expected(*text_docs(50).texts))


@scenario('a client that may retry', protocols=('grpc', 'http'))
def retries(server):
    same(server.post(text_docs(5), max_attempts=3).embeddings, server.expected(*text_docs(5).texts))


@scenario('metadata and headers of the caller', protocols=('grpc', 'http'))
def metadata(server):
    extra = {'metadata': (('x-mine', '1'),)} if server.protocol == 'grpc' else {'headers': {'x-mine': '1'}}
    same(server.post(text_docs(3), **extra).embeddings, server.expected(*text_docs(3).texts))


@scenario('health, information and reflection', protocols=('grpc',))
def services(server):
    import grpc
    from google.protobuf.empty_pb2 import Empty
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
    from jina.proto import jina_pb2_grpc

    target = server.url.split('//')[1]
    secure = server.url.startswith('grpcs')
    channel = grpc.secure_channel(target, grpc.ssl_channel_credentials()) if secure else grpc.insecure_channel(target)
    with channel:
        health = health_pb2_grpc.HealthStub(channel)
        equal(health.Check(health_pb2.HealthCheckRequest(), timeout=10).status, 1, 'health')
        about = jina_pb2_grpc.JinaInfoRPCStub(channel)._status(Empty(), timeout=10)
        assert 'jina' in about.jina, about
        ask = reflection_pb2.ServerReflectionRequest(list_services='')
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        [answer] = reflection.ServerReflectionInfo(iter([ask]), timeout=10)
        names = {service.name for service in answer.list_services_response.service}
        assert {'jina.JinaRPC', 'jina.JinaSingleDataRequestRPC', 'jina.JinaInfoRPC'} <= names, names


@scenario('the same call over a connection per call, 20 times')
def many_connections(server):
    expected = server.expected('a', 'b')
    for _ in range(20):
        same(server.client().encode([Document(text='a'), Document(text='b')]).embeddings, expected)
