"""encode() of Documents: which content is read, and what stays as it was."""

from docarray import Document, DocumentArray

from harness import equal, fails, folder_of, same, scenario, text_docs
from pictures import picture, pixels


@scenario('encode a list, a DocumentArray and a generator of Documents', short=True)
def containers(server):
    for container in (list, DocumentArray, iter):
        documents = [Document(text='a red apple'), Document(blob=picture(1)), Document(text='two dogs')]
        result = server.client().encode(container(documents))
        assert isinstance(result, DocumentArray), type(result)
        same(result.embeddings, server.expected('a red apple', picture(1), 'two dogs'))
        for index, document in enumerate(documents):
            assert result[index] is document, f'document {index} is another object'


@scenario('text, uri, blob and tensor in one call', short=True)
def every_content(server):
    with folder_of({'a.png': picture(4)}) as folder:
        documents = DocumentArray(
            [
                Document(text='hello'),
                Document(uri=f'{folder}/a.png'),
                Document(blob=picture(5, 'JPEG')),
                Document(tensor=pixels(6)),
            ]
        )
        result = server.client().encode(documents)
    same(result.embeddings, server.expected('hello', picture(4), picture(5, 'JPEG'), picture(6)))


@scenario('a uri with a tensor: the file is encoded and no tensor is left')
def uri_and_tensor(server):
    with folder_of({'a.png': picture(4)}) as folder:
        documents = [
            Document(uri=f'{folder}/a.png', tensor=pixels(9)),
            Document(text='hello'),
            Document(uri=f'{folder}/a.png').load_uri_to_image_tensor(),
        ]
        result = server.client().encode(documents)
    same(result.embeddings, server.expected(picture(4), 'hello', picture(4)))
    assert result[0].tensor is None and result[2].tensor is None
    assert result[0] is documents[0]


@scenario('text wins over uri')
def text_and_uri(server):
    documents = [Document(text='hello', uri='https://example.invalid/a.png'), Document(text='world')]
    same(server.client().encode(documents).embeddings, server.expected('hello', 'world'))


@scenario('all pictures of a folder')
def a_folder(server):
    files = {f'{index}.jpg': picture(index, 'JPEG') for index in range(12)}
    with folder_of(files) as folder:
        result = server.client().encode(DocumentArray.from_files(f'{folder}/*.jpg'))
        expected = [open(document.uri, 'rb').read() for document in result]
    equal(len(result), 12, 'documents')
    same(result.embeddings, server.expected(*expected))
    assert all(document.tensor is None for document in result)


@scenario('contents equal what was given', short=True)
def contents_stay(server):
    documents = DocumentArray([Document(text='hello'), Document(blob=picture(1)), Document(text='bye')])
    before = list(documents.contents)
    result = server.client().encode(documents)
    equal(list(result.contents), before, 'contents')


@scenario('every picture format and mode')
def formats(server):
    kinds = [('PNG', 'RGB'), ('PNG', 'RGBA'), ('PNG', 'L'), ('PNG', 'P'), ('PNG', '1'), ('JPEG', 'RGB'), ('JPEG', 'L')]
    kinds += [('JPEG', 'CMYK'), ('GIF', 'P'), ('BMP', 'RGB'), ('WEBP', 'RGB'), ('WEBP', 'RGBA'), ('TIFF', 'RGB')]
    blobs = [picture(index, kind, mode) for index, (kind, mode) in enumerate(kinds)]
    same(server.client().encode([Document(blob=blob) for blob in blobs]).embeddings, server.expected(*blobs))


@scenario('pictures of 2 MB, eight in a batch')
def large_pictures(server):
    blobs = [picture(index, 'BMP', height=800, width=850) for index in range(8)]
    same(server.client().encode([Document(blob=blob) for blob in blobs]).embeddings, server.expected(*blobs))


@scenario('tags, weights and other fields stay')
def other_fields(server):
    documents = [Document(text='a', tags={'n': 1, 'list': [1, 'x']}, weight=0.5), Document(text='b', modality='words')]
    result = server.client().encode(documents)
    equal(result[0].tags, {'n': 1, 'list': [1, 'x']}, 'tags')
    equal((result[0].weight, result[1].modality), (0.5, 'words'))


@scenario('documents that already have an embedding get a new one')
def embedded_before(server):
    documents = text_docs(3)
    client = server.client()
    first = client.encode(documents).embeddings.copy()
    same(client.encode(documents).embeddings, first)


@scenario('a Document without content is refused by the client')
def no_content(server):
    # Over gRPC the client's own TypeError reaches the caller as CancelledError, which is no Exception.
    fails(lambda: server.client().encode([Document(tags={'a': 1})]), BaseException)
    fails(lambda: server.client().encode([5]), BaseException)
