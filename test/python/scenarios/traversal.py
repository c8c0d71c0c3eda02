"""access_paths and traversal_paths, by the plain client."""

import numpy as np
from docarray import Document, DocumentArray

from harness import equal, same, scenario
from pictures import picture


def tree():
    return DocumentArray(
        Document(
            id=f'r{index}',
            text=f'root {index}',
            chunks=[
                Document(text=f'chunk {index}'),
                Document(blob=picture(index)),
                Document(text='nested', chunks=[Document(text=f'deep {index}')]),
            ],
            matches=[Document(text=f'match {index}')],
        )
        for index in range(3)
    )


def embedded(documents):
    """Paths of the documents that have an embedding."""
    found = []
    for root in documents:
        found += ['r'] * (root.embedding is not None)
        for index, chunk in enumerate(root.chunks):
            found += [f'c{index}'] * (chunk.embedding is not None)
            found += ['cc'] * sum(deep.embedding is not None for deep in chunk.chunks)
        found += ['m'] * sum(match.embedding is not None for match in root.matches)
    return sorted(set(found))


@scenario('chunks by traversal_paths and access_paths', short=True)
def chunks(server):
    for key in ('traversal_paths', 'access_paths'):
        back = server.post(tree(), on='/', parameters={key: '@c'})
        equal(embedded(back), ['c0', 'c1', 'c2'], key)
        got = [chunk.embedding for root in back for chunk in root.chunks]
        wanted = [item for index in range(3) for item in (f'chunk {index}', picture(index), 'nested')]
        same(np.array(got), server.expected(*wanted))


@scenario('every kind of path')
def paths(server):
    for path, reached in {
        '@r': ['r'],
        '@m': ['m'],
        '@r,m': ['m', 'r'],
        '@r,c': ['c0', 'c1', 'c2', 'r'],
        '@cc': ['cc'],
        '@c[0]': ['c0'],
        '@c[1:]': ['c1', 'c2'],
        '@c[-1]': ['c2'],
        '@r[0]c[0]': ['c0'],
        '@r,c,cc,m': ['c0', 'c1', 'c2', 'cc', 'm', 'r'],
    }.items():
        equal(embedded(server.post(tree(), on='/', parameters={'access_paths': path})), reached, path)


@scenario('traversal_paths wins over access_paths')
def both(server):
    back = server.post(tree(), on='/', parameters={'access_paths': '@r', 'traversal_paths': '@m'})
    equal(embedded(back), ['m'], 'embedded')


@scenario('dropping image content of chunks')
def drop(server):
    back = server.post(tree(), on='/', parameters={'access_paths': '@c', 'drop_image_content': True})
    assert not any(chunk.blob for root in back for chunk in root.chunks)
    back = server.post(tree(), on='/', parameters={'access_paths': '@r', 'drop_image_content': True})
    equal([root.chunks[1].blob for root in back], [picture(index) for index in range(3)], 'blobs of chunks')
