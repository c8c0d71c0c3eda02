"""Pictures as tensors: types, shapes and sizes. A tensor must be encoded as a lossless picture of the same pixels."""

import numpy as np
from docarray import Document

from harness import equal, same, scenario
from pictures import picture, pixels


@scenario('a tensor is encoded as the picture with its pixels', short=True)
def as_picture(server):
    documents = [Document(tensor=pixels(seed)) for seed in range(5)]
    same(server.client().encode(documents).embeddings, server.expected(*[picture(seed) for seed in range(5)]))


@scenario('tensors of every number type')
def number_types(server):
    names = ['uint8', 'int16', 'uint16', 'int32', 'int64', 'float16', 'float32', 'float64']
    result = server.client().encode([Document(tensor=pixels(7).astype(name)) for name in names] + [Document(text='a')])
    same(result.embeddings, server.expected(*[picture(7)] * len(names), 'a'))


@scenario('grey tensors, and tensors that are not in row order')
def layouts(server):
    grey = pixels(1)[:, :, 0]
    turned = np.asfortranarray(pixels(2))
    cut = pixels(3, width=96)[:, ::2]
    from PIL import Image
    import io

    blobs = []
    for array in (grey, turned, cut):
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(array)).save(file, 'PNG')
        blobs.append(file.getvalue())
    result = server.client().encode([Document(tensor=array) for array in (grey, turned, cut)])
    same(result.embeddings, server.expected(*blobs))


@scenario('a tensor with alpha is encoded without it')
def alpha(server):
    tensor = np.dstack([pixels(4), np.full((40, 48), 7, np.uint8)])
    result = server.client().encode([Document(tensor=tensor), Document(text='x')])
    same(result.embeddings, server.expected(picture(4), 'x'))


@scenario('tensors of 100×100, 5×50 and 2×300 pixels')
def sizes(server):
    shapes = [(100, 100), (5, 50), (2, 300)]
    documents = [Document(tensor=pixels(1, height=height, width=width)) for height, width in shapes]
    blobs = [picture(1, height=height, width=width) for height, width in shapes]
    same(server.client().encode(documents).embeddings, server.expected(*blobs))


@scenario('a tensor of 18 MB', protocols=('grpc', 'websocket'))
def big(server):
    tensor = pixels(3, height=2000, width=3000)
    result = server.client().encode([Document(tensor=tensor), Document(text='x')])
    same(result.embeddings, server.expected(picture(3, 'BMP', height=2000, width=3000), 'x'))
    assert (result[0].tensor == tensor).all()


@scenario('a tensor of 600 KB as JSON', protocols=('http',))
def big_json(server):
    tensor = pixels(3, height=400, width=500)
    result = server.client().encode([Document(tensor=tensor), Document(text='x')])
    same(result.embeddings, server.expected(picture(3, height=400, width=500), 'x'))


@scenario('16 tensors of 2 MB through one stream, one at a time', protocols=('grpc', 'websocket'))
def stream_of_big(server):
    documents = [Document(id=str(seed), tensor=pixels(seed, height=800, width=850)) for seed in range(16)]
    result = server.client().encode(documents, batch_size=1)
    equal(result[:, 'id'], [str(seed) for seed in range(16)], 'ids')
    blobs = [picture(seed, 'BMP', height=800, width=850) for seed in range(16)]
    same(result.embeddings, server.expected(*blobs))
