"""Request-level parameters, endpoints and target_executor."""

from docarray import Document, DocumentArray

from harness import equal, same, scenario, text_docs
from pictures import picture, pixels


def contents():
    return DocumentArray([Document(blob=picture(1)), Document(tensor=pixels(2)), Document(text='x')])


@scenario('drop_image_content true removes blobs and tensors', short=True)
def dropped(server):
    back = server.post(contents(), parameters={'drop_image_content': True})
    assert all(not document.blob and document.tensor is None for document in back)
    equal(back[2].text, 'x', 'text')
    same(back.embeddings, server.expected(picture(1), picture(2), 'x'))


@scenario('drop_image_content false or absent keeps them')
def kept(server):
    for parameters in (None, {'drop_image_content': False}):
        back = server.post(contents(), parameters=parameters)
        equal(back[0].blob, picture(1), 'blob')
        assert (back[1].tensor == pixels(2)).all()
        same(back.embeddings, server.expected(picture(1), picture(2), 'x'))


@scenario('encode with drop_image_content false')
def client_keeps(server):
    result = server.client().encode(contents(), parameters={'drop_image_content': False})
    same(result.embeddings, server.expected(picture(1), picture(2), 'x'))


@scenario('a model name in the parameters goes into the path')
def model_name(server):
    result = server.client().encode(['a', 'b'], parameters={'model_name': 'ViT-B-32'})
    same(result, server.expected('a', 'b'))


@scenario('unknown parameters of every type are echoed')
def echoed(server):
    given = {'a': 1, 'b': 'x', 'c': [1, 'y', None], 'd': {'e': True}, 'minibatch_size': 3}
    [response] = server.jina().post('/encode', text_docs(5), parameters=given, return_responses=True)
    equal({key: response.parameters[key] for key in given}, given, 'parameters')
    same(response.docs.embeddings, server.expected(*text_docs(5).texts))


@scenario("one executor's own parameters")
def executor_parameters(server):
    roots = DocumentArray([Document(text='root', chunks=[Document(text='chunk')])])
    for parameters in ({'clip_o__access_paths': '@c'}, {'clip_o': {'access_paths': '@c'}}):
        [root] = server.post(roots, on='/', parameters=parameters)
        assert root.embedding is None, parameters
        assert root.chunks[0].embedding is not None, parameters
    [root] = server.post(roots, on='/', parameters={'other__access_paths': '@c'})
    assert root.embedding is not None and root.chunks[0].embedding is None


@scenario('any endpoint encodes, and is echoed', short=True)
def endpoints(server):
    for endpoint in ('/', '/encode', '/encode/model', '/whatever'):
        [response] = server.jina().post(endpoint, text_docs(3), return_responses=True)
        equal(response.header.exec_endpoint, endpoint, 'endpoint')
        same(response.docs.embeddings, server.expected(*text_docs(3).texts))


@scenario('target_executor chooses by the beginning of the name')
def target_executor(server):
    for target, meant in (('clip', True), ('clip_o', True), ('c.*_o', True), ('other', False), ('lip', False)):
        back = server.post(text_docs(2), target_executor=target)
        equal([document.embedding is not None for document in back], [meant] * 2, target)


@scenario('request_size divides the documents')
def request_size(server):
    responses = server.jina().post('/encode', text_docs(10), request_size=3, return_responses=True)
    equal(sorted(len(response.docs) for response in responses), [1, 3, 3, 3], 'documents')


@scenario('a request without documents')
def no_documents(server):
    responses = server.jina().post('/encode', return_responses=True)
    equal([len(response.docs) for response in responses], [0], 'documents')
