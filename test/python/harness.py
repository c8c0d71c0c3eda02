"""What the scenarios share: how one is declared, the server that it talks to, and the vectors that it expects."""

import base64
import contextlib
import dataclasses
import json
import urllib.request

import numpy as np
from clip_client import Client
from docarray import Document, DocumentArray
from jina import Client as JinaClient

PROTOCOLS = ('grpc', 'http', 'websocket')
SCENARIOS = []
TOLERANCE = 1e-6


@dataclasses.dataclass
class Scenario:
    name: str
    run: object
    short: bool
    protocols: tuple


def scenario(name, short=False, protocols=PROTOCOLS):
    """Declares a function of the server as a scenario; those marked `short` run in every environment."""

    def declare(function):
        SCENARIOS.append(Scenario(name, function, short, protocols))
        return function

    return declare


class Server:
    """The server under test: `url` speaks the protocol that is tried, `http` is the same server's HTTP port."""

    def __init__(self, url, http):
        self.url = url
        self.http = http
        scheme = url.split(':')[0]
        self.protocol = {'grpcs': 'grpc', 'https': 'http', 'ws': 'websocket', 'wss': 'websocket'}.get(scheme, scheme)

    def client(self, **options):
        return Client(self.url, **options)

    def jina(self, **options):
        return JinaClient(host=self.url, **options)

    def post(self, documents, on='/encode', **options):
        """By the plain Jina client: a DocumentArray as the server sent it, in the order of the documents.

        Not by the client's `results_in_order`: over HTTP and WebSocket it waits for ever where the last answer comes
        before the client has looked for a further request.
        """
        back = self.jina().post(on, documents, **options)
        equal(sorted(back[:, 'id']), sorted(documents[:, 'id']), 'ids')
        return back[documents[:, 'id']]

    def expected(self, *items):
        """Vectors of strings (texts) and bytes (images) by a plain HTTP request, without any Jina code."""
        data = [
            {'text': item} if isinstance(item, str) else {'blob': base64.b64encode(item).decode()} for item in items
        ]
        return np.array([answer['embedding'] for answer in self.encode_json(data)], np.float32)

    def encode_json(self, data, **body):
        request = urllib.request.Request(
            f'{self.http}/encode',
            json.dumps({'data': data, **body}).encode(),
            {'content-type': 'application/json'},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)['data']


def same(got, expected):
    """Asserts that vectors are equal in number, order and value."""
    got = np.asarray(got)
    assert got.shape == expected.shape, f'expected the shape {expected.shape}, got {got.shape}'
    assert len(np.unique(expected, axis=0)) > 1 or len(expected) == 1, 'the expected vectors do not differ'
    difference = float(np.abs(got - expected).max())
    assert difference <= TOLERANCE, f'vectors differ by {difference}'


def equal(got, expected, what='value'):
    assert got == expected, f'{what}: expected {expected!r}, got {got!r}'


def fails(call, *kinds):
    """The exception that the call ends with, which must be one of these kinds."""
    try:
        result = call()
    except kinds as error:
        return error
    raise AssertionError(f'expected {" or ".join(kind.__name__ for kind in kinds)}, got the result {result!r}')


class Calls:
    """Callbacks for a client that count, and keep the responses of `on_error`."""

    def __init__(self):
        self.done = self.error = self.always = 0
        self.failures = []

    def on_done(self, _):
        self.done += 1

    def on_error(self, response):
        self.error += 1
        self.failures.append(response)

    def on_always(self, _):
        self.always += 1

    @property
    def counts(self):
        return {'done': self.done, 'error': self.error, 'always': self.always}

    @property
    def given(self):
        return {'on_done': self.on_done, 'on_error': self.on_error, 'on_always': self.on_always}


@contextlib.contextmanager
def folder_of(files):
    """A folder with these files, and nothing else."""
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as path:
        for name, content in files.items():
            pathlib.Path(path, name).write_bytes(content)
        yield path


def texts(count, prefix='a photo of number'):
    return [f'{prefix} {index}' for index in range(count)]


def text_docs(count, **fields):
    return DocumentArray(Document(text=text, **fields) for text in texts(count))
