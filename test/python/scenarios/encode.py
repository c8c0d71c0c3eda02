"""encode() of strings: what comes back, and how it is shaped."""

import base64
import http.server
import threading
import warnings

import numpy as np
from docarray import DocumentArray

from harness import equal, fails, folder_of, same, scenario, texts
from pictures import picture

SENTENCES = ['she smiled, with pain', 'a red apple on a table', 'two dogs', 'ein Fahrrad']


@scenario('encode a list of sentences', short=True)
def a_list(server):
    vectors = server.client().encode(SENTENCES)
    assert isinstance(vectors, np.ndarray), type(vectors)
    same(vectors, server.expected(*SENTENCES))


@scenario('embeddings have the number type of the protocol')
def number_type(server):
    vectors = server.client().encode(SENTENCES)
    equal(vectors.dtype.name, 'float64' if server.protocol == 'http' else 'float32', 'dtype')


@scenario('encode a tuple of sentences')
def a_tuple(server):
    same(server.client().encode(tuple(SENTENCES)), server.expected(*SENTENCES))


@scenario('encode a generator of sentences', short=True)
def a_generator(server):
    result = server.client().encode(text for text in SENTENCES)
    assert isinstance(result, DocumentArray), type(result)
    equal(result.texts, SENTENCES, 'texts')
    same(result.embeddings, server.expected(*SENTENCES))


@scenario('encode a local path, a data URI, a URL and a sentence together', short=True)
def a_mix(server):
    local, inline, remote = picture(1, 'JPEG'), picture(2), picture(3)
    with folder_of({'local.jpg': local}) as folder, web_server(remote) as address:
        uri = f'data:image/png;base64,{base64.b64encode(inline).decode()}'
        vectors = server.client().encode([f'{folder}/local.jpg', uri, f'{address}/remote.png', 'a sentence'])
    same(vectors, server.expected(local, inline, remote, 'a sentence'))


@scenario('encode texts of every script, empty-looking and long ones')
def scripts(server):
    items = ['日本語のテキスト', 'العربية', '👩‍👩‍👧 emoji', ' ', 'word ' * 400, 'line\nbreak\ttab', 'naïve café', "it's <b>&amp;</b>"]
    same(server.client().encode(items), server.expected(*items))


@scenario('a bare string is refused')
def bare_string(server):
    client = server.client()
    for call in (client.encode, client.rank, client.index, client.search):
        fails(lambda: call('hello'), TypeError)


@scenario('empty input gives an empty result', short=True)
def empty(server):
    client = server.client()
    equal(client.encode([]), [], 'encode([])')
    equal(len(client.encode(DocumentArray())), 0, 'encode')
    for call in (client.rank, client.index, client.search):
        for nothing in ([], DocumentArray()):
            equal(len(call(nothing)), 0, call.__name__)


@scenario('a generator without items gives an empty result')
def empty_generator(server):
    client = server.client()
    for call in (client.rank, client.index, client.search):
        equal(len(call(item for item in [])), 0, call.__name__)


@scenario('600 sentences warn and arrive')
def many_warn(server):
    items = texts(600)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        vectors = server.client().encode(items)
    assert any('ensure all the inputs' in str(warning.message) for warning in seen), seen
    equal(vectors.shape[0], 600, 'rows')


@scenario('2,000 sentences come back in order', short=True)
def thousands(server):
    items = texts(2000)
    same(server.client().encode(items, batch_size=64), server.expected(*items))


@scenario('2,000 sentences with at most one batch in flight')
def one_in_flight(server):
    items = texts(2000)
    same(server.client().encode(items, batch_size=250, prefetch=1), server.expected(*items))


@scenario('one batch of everything')
def one_batch(server):
    items = texts(300)
    same(server.client().encode((text for text in items), batch_size=None).embeddings, server.expected(*items))


@scenario('encode with a progress bar')
def progress(server):
    same(server.client().encode(SENTENCES, show_progress=True), server.expected(*SENTENCES))


@scenario('the same client, one call after another')
def again(server):
    client, expected = server.client(), server.expected(*SENTENCES)
    for _ in range(5):
        same(client.encode(SENTENCES), expected)


class web_server:
    """Serves one picture at every path."""

    def __init__(self, content):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f'http://127.0.0.1:{self.server.server_port}'

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
