"""What a client sees of bad input, and that the server goes on."""

from docarray import Document, DocumentArray
from jina.excepts import BadServer

from harness import Calls, equal, fails, same, scenario, text_docs, texts
from pictures import picture

NO_PICTURE = b'these bytes are no picture'
# Over WebSocket the client may lose the error itself and then miss the embedding.
REFUSED = (BadServer, ValueError)


def status_of(server, documents, **options):
    calls = Calls()
    server.jina().post('/encode', DocumentArray(documents), on_done=calls.on_done, on_error=calls.on_error, **options)
    equal((calls.done, calls.error), (0, 1), 'done and error')
    return calls.failures[0].header.status


@scenario('bytes that are no picture raise', short=True)
def bad_picture(server):
    error = fails(lambda: server.client().encode([Document(blob=NO_PICTURE)]), *REFUSED)
    assert server.protocol == 'websocket' or 'UnidentifiedImageError' in str(error), error


@scenario('bytes that are no picture call on_error', short=True)
def bad_picture_callback(server):
    status = status_of(server, [Document(blob=NO_PICTURE)])
    equal(status.code, 1, 'code')
    equal((status.exception.name, status.exception.executor), ('UnidentifiedImageError', 'CLIPEncoder'))
    assert status.description.startswith('UnidentifiedImageError('), status.description


@scenario('one bad picture fails its batch and no other')
def one_of_many(server):
    documents = text_docs(20)
    documents[10] = Document(blob=NO_PICTURE)
    calls, vectors = Calls(), {}
    server.jina().post(
        '/encode',
        documents,
        request_size=4,
        on_done=lambda response: vectors.update({one.id: one.embedding for one in response.docs}),
        on_error=calls.on_error,
    )
    equal(calls.error, 1, 'errors')
    good = [document for index, document in enumerate(documents) if not 8 <= index < 12]
    same([vectors[document.id] for document in good], server.expected(*[document.text for document in good]))
    equal(len(vectors), 16, 'encoded')


@scenario('encode with on_error alone ends with no vectors for the bad batch')
def encode_with_on_error(server):
    calls = Calls()
    fails(lambda: server.client().encode([Document(blob=NO_PICTURE)], on_error=calls.on_error), ValueError)
    equal(calls.error, 1, 'errors')


@scenario('a failed batch comes back as it was sent')
def unchanged(server):
    calls = Calls()
    documents = DocumentArray([Document(text='x', tags={'a': 1}), Document(blob=NO_PICTURE)])
    server.jina().post('/encode', documents, on_done=calls.on_done, on_error=calls.on_error)
    back = calls.failures[0].docs
    equal((back[:, 'id'], back[1].blob, back[0].embedding), (documents[:, 'id'], NO_PICTURE, None))


@scenario('truncated and empty pictures')
def truncated(server):
    whole = picture(1)
    status = status_of(server, [Document(blob=whole[: len(whole) // 2])])
    equal(status.code, 1, 'code')
    [empty] = server.post(DocumentArray([Document(blob=b'')]))
    assert empty.embedding is None


@scenario('a file that the client does not find raises')
def no_file(server):
    fails(lambda: server.client().encode(['no-such-file.png']), BaseException)
    fails(lambda: server.client().encode([Document(uri='no-such-file.png')]), BaseException)


@scenario('a file that the server does not find or give is FileNotFoundError')
def no_file_on_the_server(server):
    for uri in ('/no/such/file.png', 'file:///etc/hostname', '../x.png'):
        equal(status_of(server, [Document(uri=uri)]).exception.name, 'FileNotFoundError', uri)


@scenario('a tensor that is no picture')
def bad_tensor(server):
    import numpy as np

    for tensor in (np.zeros((2, 3, 4, 5), np.uint8), np.zeros(7, np.uint8)):
        equal(status_of(server, [Document(tensor=tensor)]).code, 1, f'shape {tensor.shape}')


@scenario('paths that do not parse')
def bad_path(server):
    for path in ('@q', 'r', '@r['):
        equal(status_of(server, [Document(text='x')], parameters={'access_paths': path}).code, 1, path)


@scenario('the server goes on after errors', short=True)
def goes_on(server):
    client = server.client()
    for _ in range(3):
        fails(lambda: client.encode([Document(blob=NO_PICTURE)]), *REFUSED)
        same(client.encode(texts(3)), server.expected(*texts(3)))


@scenario('the stream goes on after an error')
def stream_goes_on(server):
    documents = DocumentArray(
        Document(blob=NO_PICTURE) if index % 2 else Document(text=f'text {index}') for index in range(40)
    )
    calls = Calls()
    server.jina().post('/encode', documents, request_size=1, **calls.given)
    equal(calls.counts, {'done': 20, 'error': 20, 'always': 40})


# Over WebSocket the client may lose the exception.
@scenario('an exception in a callback ends the call, not the server', protocols=('grpc', 'http'))
def callback_raises(server):
    def broken(_):
        raise RuntimeError('from the callback')

    fails(lambda: server.jina().post('/encode', text_docs(1), on_done=broken), BaseException)
    same(server.client().encode(texts(3)), server.expected(*texts(3)))


@scenario('pickled documents are refused', protocols=('grpc',))
def pickled(server):
    import grpc
    from jina.proto import jina_pb2, jina_pb2_grpc

    request = jina_pb2.DataRequestProto()
    request.header.request_id = '1' * 32
    request.header.exec_endpoint = '/encode'
    request.data.docs_bytes = bytes(DocumentArray([Document(text='x')]))
    open_channel = grpc.insecure_channel
    if server.url.startswith('grpcs'):
        open_channel = lambda target: grpc.secure_channel(target, grpc.ssl_channel_credentials())  # noqa: E731
    with open_channel(server.url.split('//')[1]) as channel:
        try:
            [answer] = jina_pb2_grpc.JinaRPCStub(channel).Call(iter([request]), timeout=20)
        except grpc.RpcError as error:
            assert error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED, error
        else:
            equal(answer.header.status.code, 1, 'code')
