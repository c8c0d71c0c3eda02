import assert from 'node:assert/strict';
import { ClipError } from '../../src/errors.ts';
import { vectorOf } from './fake-service.ts';
import { onBothServers } from './rig.ts';

const ENVELOPE = ['header', 'parameters', 'routes', 'data'];
const HEADER = ['requestId', 'status', 'execEndpoint', 'targetExecutor'];
const DOCUMENT =
  'id parent_id granularity adjacency blob tensor mime_type text weight uri tags offset location embedding modality evaluations scores chunks matches'.split(
    ' ',
  );
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;
const text = (value: string) => Array.from(vectorOf({ kind: 'text', text: value }));
const PNG = Buffer.from('not really a picture').toString('base64');

onBothServers((on) => {
  on('/post answers in the shape of the reference, key for key', async ({ post }) => {
    const answer = await post('/post', {
      data: [{ id: 'a', text: 'hello' }, { blob: PNG }],
      execEndpoint: '/encode',
      parameters: { drop_image_content: true, limit: 10, __results__: {} },
      header: { request_id: 'ignored' },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'application/json');
    assert.equal(answer.headers.get('content-encoding'), null);
    const { body } = answer;
    assert.deepEqual(Object.keys(body), ENVELOPE);
    assert.deepEqual(Object.keys(body.header), HEADER);
    assert.match(body.header.requestId, /^[0-9a-f]{32}$/);
    assert.deepEqual(
      { ...body.header, requestId: '' },
      {
        requestId: '',
        status: null,
        execEndpoint: '/encode',
        targetExecutor: '',
      },
    );
    assert.deepEqual(body.parameters, { drop_image_content: true, limit: 10, __results__: {} });
    assert.deepEqual(
      body.routes.map((route: object) => Object.keys(route)),
      [
        ['executor', 'startTime', 'endTime', 'status'],
        ['executor', 'startTime', 'endTime', 'status'],
      ],
    );
    const [gateway, executor] = body.routes;
    assert.deepEqual([gateway.executor, executor.executor], ['gateway', 'clip_t']);
    for (const { startTime, endTime } of body.routes) {
      assert.match(startTime, TIME);
      assert.match(endTime, TIME);
    }
    assert.ok(gateway.startTime < gateway.endTime, `${gateway.startTime} to ${gateway.endTime}`);
    const within = gateway.startTime <= executor.startTime && executor.endTime <= gateway.endTime;
    assert.ok(within, JSON.stringify(body.routes));
    assert.deepEqual(body.data.map(Object.keys), [DOCUMENT, DOCUMENT]);
    const [first, second] = body.data;
    assert.deepEqual([first.id, first.text, first.mime_type], ['a', 'hello', 'text/plain']);
    assert.deepEqual(first.embedding, text('hello'));
    assert.match(second.id, /^[0-9a-f]{32}$/);
    assert.deepEqual([second.blob, second.mime_type], [null, null]);
    assert.equal(second.embedding.length, 4);
  });

  on('numbers are written as the reference writes them', async ({ request }) => {
    const response = await request('/post', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"data":[{"id":"x","tags":{"n":1}}],"parameters":{"limit":10}}',
    });
    const raw = await response.text();
    assert.ok(raw.includes('"parameters":{"limit":10.0}'), raw);
    assert.ok(raw.includes('"tags":{"n":1.0}'), raw);
  });

  on('content comes back as it went, unless it is to be dropped', async ({ post }) => {
    const data = [{ blob: PNG }, { tensor: [[1, 2]] }, { uri: 'a.png' }, { text: 't', uri: 'b.png' }];
    const kept = (await post('/post', { data })).body.data;
    assert.deepEqual([kept[0].blob, kept[1].tensor, kept[2].uri], [PNG, [[1, 2]], 'a.png']);
    const dropped = (await post('/post', { data, parameters: { drop_image_content: true } })).body.data;
    assert.deepEqual([dropped[0].blob, dropped[1].tensor, dropped[2].uri], [null, null, 'a.png']);
    assert.deepEqual([dropped[3].text, dropped[3].mime_type], ['t', 'text/plain']);
    for (const document of [...kept, ...dropped]) assert.equal(document.embedding.length, 4);
  });

  on('an id alone, empty data and an empty list are answered without a vector', async ({ post, service }) => {
    const profile = await post('/post', { data: [{ id: 'p' }], parameters: { __results__: {} } });
    assert.deepEqual(
      [profile.status, profile.body.data[0].embedding, profile.body.header.execEndpoint],
      [200, null, '/'],
    );
    for (const body of [{ data: [] }, { data: null }, {}, [], { data: {} }])
      assert.deepEqual((await post('/post', body)).body.data, []);
    assert.deepEqual((await post('/rank', { data: [] })).body.data, []);
    assert.equal(service.seen.length, 0);
  });

  on('access paths choose what is encoded', async ({ post }) => {
    const data = [{ text: 'root', chunks: [{ text: 'c0' }, { text: 'c1' }], matches: [{ text: 'm' }] }];
    const run = async (parameters: object) => (await post('/post', { data, parameters })).body.data[0];
    const chunks = await run({ traversal_paths: '@c' });
    assert.equal(chunks.embedding, null);
    assert.deepEqual(
      chunks.chunks.map(({ embedding }: { embedding: number[] }) => embedding),
      [text('c0'), text('c1')],
    );
    assert.deepEqual([chunks.chunks[0].granularity, chunks.chunks[0].parent_id], [1, chunks.id]);
    const last = await run({ clip_t__access_paths: '@c[-1],m' });
    assert.deepEqual([last.chunks[0].embedding, last.chunks[1].embedding], [null, text('c1')]);
    assert.deepEqual(last.matches[0].embedding, text('m'));
    const wrong = await post('/post', { data, parameters: { access_paths: 'c' } });
    assert.deepEqual(
      [wrong.status, wrong.body.header.status.code, wrong.body.data[0].text],
      [200, 1, 'root'],
    );
    assert.equal((await post('/encode', { data, parameters: { access_paths: 'c' } })).status, 400);
  });

  on('target_executor leaves the documents alone where it names another deployment', async ({ post }) => {
    const { body } = await post('/post', { data: [{ text: 'a' }], targetExecutor: 'clip_o' });
    assert.equal(body.data[0].embedding, null);
    assert.match(body.routes[1].startTime, TIME);
    assert.equal(body.routes[1].endTime, null);
    const hit = await post('/post', { data: [{ text: 'a' }], target_executor: 'clip' });
    assert.deepEqual(hit.body.data[0].embedding, text('a'));
    assert.equal((await post('/post', { target_executor: '(a+)+' })).status, 422);
  });

  on(
    'on the reference routes one bad document fails the request inside a 200, with the data as it came',
    async ({ post }) => {
      const data = [
        { id: 'x', text: 'good' },
        { id: 'y', text: 'fail:invalid_image' },
      ];
      for (const path of ['/post', '/index', '/search']) {
        const { status, body } = await post(path, { data, parameters: { drop_image_content: true } });
        assert.equal(status, 200);
        assert.deepEqual(body.header.status, {
          code: 1,
          description: `UnidentifiedImageError("expected no invalid_image, got 'one'")`,
          exception: {
            name: 'UnidentifiedImageError',
            args: ["expected no invalid_image, got 'one'", 'invalid_image'],
            stacks: [],
            executor: 'CLIPEncoder',
          },
        });
        assert.deepEqual(body.routes[1].status, body.header.status);
        assert.equal(body.routes[0].status, null);
        assert.deepEqual(
          body.data.map(({ text, embedding, mime_type }: Record<string, unknown>) => [
            text,
            embedding,
            mime_type,
          ]),
          [
            ['good', null, null],
            ['fail:invalid_image', null, null],
          ],
        );
        assert.deepEqual(Object.keys(body), ENVELOPE);
      }
    },
  );

  on(
    '/encode answers document by document; when all fail, with the status of the first',
    async ({ post, metrics }) => {
      const some = await post('/encode', {
        data: [{ text: 'fail:invalid_image' }, { text: 'good' }, { text: 'fail:fetch_failed' }],
      });
      assert.equal(some.status, 200);
      assert.deepEqual(some.body.data[1].embedding, text('good'));
      assert.deepEqual(Object.keys(some.body.data[0]), [...DOCUMENT, 'error']);
      assert.equal(some.body.data[0].embedding, null);
      assert.equal(some.body.data[0].error.code, 'invalid_image');
      assert.equal(some.body.data[2].error.code, 'fetch_failed');
      assert.match(some.body.header.status.description, /2 of 3 documents failed/);
      const all = await post('/encode', {
        data: [{ text: 'fail:fetch_failed' }, { text: 'fail:invalid_image' }],
      });
      assert.equal(all.status, 424);
      assert.deepEqual(
        all.body.data.map(({ error }: { error: { code: string } }) => error.code),
        ['fetch_failed', 'invalid_image'],
      );
      const model = await post('/encode/my%20model', { data: [{ text: 'a' }] });
      assert.deepEqual(
        [model.body.header.execEndpoint, model.body.data[0].embedding],
        ['/encode/my model', text('a')],
      );
      assert.match(
        await metrics.text(),
        /clip_requests_total\{protocol="http",route="\/encode",code="fetch_failed"\} 1/,
      );
    },
  );

  on('rank gives matches both scores, sorted, without their vectors; roots keep theirs', async ({ post }) => {
    const data = [
      {
        id: 'q',
        text: 'query',
        matches: [{ text: 'aa' }, { blob: PNG }, { text: 'bb', scores: { old: { value: 1 } } }],
      },
    ];
    for (const [path, endpoint] of [
      ['/rank', undefined],
      ['/post', '/rank'],
    ] as const) {
      const { status, body } = await post(path, {
        data,
        execEndpoint: endpoint,
        parameters: { drop_image_content: true },
      });
      assert.equal(status, 200);
      const [root] = body.data;
      assert.deepEqual(root.embedding, text('query'));
      assert.deepEqual(
        root.matches.map(({ text, blob }: Record<string, unknown>) => text ?? blob),
        [PNG, 'aa', 'bb'],
      );
      for (const match of root.matches)
        assert.deepEqual([match.embedding, match.adjacency, match.parent_id], [null, 1, null]);
      assert.deepEqual(root.matches[1].scores, {
        clip_score: { value: Math.fround(0.025), op_name: 'softmax', description: null, ref_id: null },
        clip_score_cosine: { value: Math.fround(0.1), op_name: 'cosine', description: null, ref_id: null },
      });
      assert.deepEqual(Object.keys(root.matches[2].scores), ['old', 'clip_score', 'clip_score_cosine']);
    }
    const encoded = await post('/post', { data, execEndpoint: '/rank/' });
    assert.equal(encoded.body.data[0].matches[0].scores, null);
    for (const bad of [
      [{ text: 'q' }],
      [{ text: 'q', matches: [{}] }],
      [{ matches: [{ text: 'a' }] }],
      [...data, { text: 'q' }],
    ]) {
      const inside = await post('/post', { data: bad, execEndpoint: '/rank' });
      assert.deepEqual([inside.status, inside.body.header.status.code], [200, 1]);
      const outside = await post('/rank', { data: bad });
      assert.deepEqual([outside.status, outside.body.error.code], [422, 'rank_failed']);
      assert.equal(outside.body.header.status.code, 1);
    }
  });

  on(
    'endpoints bound by the flow are honoured',
    async ({ post }) => {
      const data = [{ text: 'q', matches: [{ text: 'a' }] }];
      const scored = async (execEndpoint: string) =>
        (await post('/post', { data, execEndpoint })).body.data[0].matches[0].scores !== null;
      assert.deepEqual(
        [await scored('/mine'), await scored('/rank'), await scored('/other')],
        [true, false, false],
      );
    },
    {
      executor: {
        endpoints: new Map([
          ['/mine', 'rank'],
          ['/rank', 'encode'],
        ]),
      },
    },
  );

  on('malformed requests get 422 and their place', async ({ post, request, metrics }) => {
    const detail = async (body: unknown, path = '/post') => {
      const answer = await post(path, body);
      assert.equal(answer.status, 422, JSON.stringify(answer.body));
      assert.deepEqual(Object.keys(answer.body), ['detail']);
      assert.deepEqual(Object.keys(answer.body.detail[0]), ['loc', 'msg', 'type']);
      return answer.body.detail[0];
    };
    assert.deepEqual((await detail('{"data": [')).loc, ['body', 10]);
    assert.equal((await detail('{"data": [}')).type, 'value_error.jsondecode');
    assert.equal((await detail('')).type, 'value_error.missing');
    assert.deepEqual((await detail({ data: [{ blob: '!!!!' }] })).loc, ['body', 'data', 0, 'blob']);
    assert.deepEqual((await detail({ data: [{ tensor: [[1], [1, 2]] }] }, '/encode')).loc, [
      'body',
      'data',
      0,
      'tensor',
    ]);
    assert.deepEqual((await detail({ data: 5 })).loc, ['body', 'data']);
    const untyped = (path: string, type?: string) =>
      request(path, {
        method: 'POST',
        body: Buffer.from('{}'),
        headers: type ? { 'content-type': type } : {},
      });
    assert.equal((await untyped('/post', 'text/plain')).status, 422);
    assert.equal((await untyped('/post')).status, 422);
    assert.equal((await untyped('/encode')).status, 200);
    assert.equal((await untyped('/encode', 'text/plain')).status, 415);
    assert.equal((await untyped('/post', 'application/json; charset=utf-8')).status, 200);
    const deep = await post('/post', `{"data":${'['.repeat(100)}`);
    assert.deepEqual([deep.status, deep.body.error.code], [400, 'too_deep']);
    assert.equal((await post('/encode', '['.repeat(20_000_000))).status, 400);
    assert.match(await metrics.text(), /clip_limit_reached_total\{limit="json_depth"\} 2/);
  });

  on(
    'limits of bytes and documents hold at their edges, and are counted',
    async ({ post, metrics, service }) => {
      const empty = JSON.stringify({ data: [], pad: '' }).length;
      const sized = (bytes: number) => JSON.stringify({ data: [], pad: 'x'.repeat(bytes - empty) });
      for (const [bytes, status] of [
        [999, 200],
        [1000, 200],
        [1001, 413],
      ] as const)
        assert.equal((await post('/post', sized(bytes))).status, status, `${bytes}`);
      for (const [count, status] of [
        [9, 200],
        [10, 200],
        [11, 413],
      ] as const) {
        const answer = await post('/encode', { data: Array(count).fill({ text: 'a' }) });
        assert.equal(answer.status, status, `${count}`);
        if (status === 413) assert.equal(answer.body.error.code, 'too_many_items');
      }
      const counted = await metrics.text();
      assert.match(counted, /clip_limit_reached_total\{limit="request_bytes"\} 1/);
      assert.match(counted, /clip_limit_reached_total\{limit="items_per_request"\} 1/);
      assert.equal(service.open, 0);
    },
    { limits: { requestBytes: 1000, itemsPerRequest: 10 } },
  );

  on(
    'what stops a request before its documents has its own status, with the fault in the header',
    async ({ post, service }) => {
      for (const [code, status] of [
        ['overloaded', 429],
        ['draining', 503],
        ['not_ready', 503],
      ] as const) {
        service.refusal = new ClipError(code, 'for the test');
        for (const path of ['/post', '/encode']) {
          const answer = await post(path, { data: [{ text: 'a' }] });
          assert.equal(answer.status, status);
          assert.equal(answer.headers.get('retry-after'), '1');
          assert.equal(answer.body.header.status.code, 1);
          assert.match(answer.body.header.status.description, /for the test/);
          assert.equal(answer.body.error.code, code);
        }
      }
      service.refusal = undefined;
      for (const [code, status] of [
        ['queue_timeout', 503],
        ['too_many_items', 413],
        ['internal', 500],
        ['deadline_exceeded', 504],
      ] as const) {
        const answer = await post('/post', { data: [{ text: `fail:${code}` }] });
        assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
      }
      for (const code of ['engine_failed', 'bad_vector', 'forbidden_uri', 'image_too_large'])
        assert.equal((await post('/post', { data: [{ text: `fail:${code}` }] })).status, 200, code);
      assert.equal(service.open, 0);
    },
  );

  on(
    'a deadline is kept, by header and by configuration',
    async ({ post, service }) => {
      let context: { deadline?: number; signal: AbortSignal } | undefined;
      service.work = async (given) => {
        context = given;
        await new Promise((resolve) => given.signal.addEventListener('abort', resolve));
      };
      for (const headers of [{ 'x-request-timeout-ms': '30' }, {}]) {
        const answer = await post('/post', { data: [{ text: 'a' }] }, headers as Record<string, string>);
        assert.deepEqual([answer.status, answer.body.error.code], [504, 'deadline_exceeded']);
        // A timer may be early by a fraction of a millisecond.
        const left = context!.deadline! - performance.now();
        assert.ok(left < 1 && context!.signal.aborted, `${left} ms left`);
      }
      for (const wrong of ['0', '-1', 'x', '1.5'])
        assert.equal((await post('/post', {}, { 'x-request-timeout-ms': wrong })).status, 422);
      assert.equal(service.open, 0);
    },
    { gateway: { requestTimeoutMs: 60 } },
  );

  on('a service that answers wrongly is never passed on', async ({ post, service }) => {
    const encode = service.encode.bind(service);
    service.encode = async (items, context) => (await encode(items, context)).slice(1);
    const short = await post('/post', { data: [{ text: 'a' }, { text: 'b' }] });
    assert.deepEqual([short.status, short.body.error.code], [500, 'internal']);
    service.encode = async (items) => items.map(() => ({ vector: Float32Array.of(1, Number.NaN) }));
    for (const path of ['/post', '/encode']) {
      const nan = await post(path, { data: [{ text: 'a' }] });
      assert.deepEqual([nan.status, nan.body.error.code], [500, 'bad_vector']);
    }
    service.encode = async () => {
      throw new TypeError('a bug');
    };
    assert.equal((await post('/post', { data: [{ text: 'a' }] })).status, 500);
    service.rank = async (groups) =>
      groups.map(() => ({
        query: Float32Array.of(1),
        matches: [
          { index: 0, score: 1, cosine: 1 },
          { index: 0, score: 1, cosine: 1 },
        ],
      }));
    assert.equal(
      (await post('/rank', { data: [{ text: 'a', matches: [{ text: 'b' }, { text: 'c' }] }] })).status,
      500,
    );
    assert.equal(service.open, 0);
  });

  on('unknown paths and methods are refused as the reference does', async ({ request }) => {
    const ask = async (method: string, path: string) => {
      const response = await request(path, { method });
      return [response.status, await response.json()];
    };
    assert.deepEqual(await ask('GET', '/nothing'), [404, { detail: 'Not Found' }]);
    assert.deepEqual(await ask('POST', '/encoded'), [404, { detail: 'Not Found' }]);
    assert.deepEqual(await ask('GET', '/post'), [405, { detail: 'Method Not Allowed' }]);
    assert.deepEqual(await ask('POST', '/'), [405, { detail: 'Method Not Allowed' }]);
    assert.deepEqual(await ask('OPTIONS', '/post'), [405, { detail: 'Method Not Allowed' }]);
    assert.equal((await request('/post')).headers.get('allow'), 'POST');
  });

  on('probes, status and documents', async ({ request, reasons }) => {
    const json = async (path: string) => (await request(path)).json();
    assert.deepEqual(await json('/'), {});
    assert.deepEqual(await json('/livez'), { live: true });
    assert.deepEqual(await json('/readyz'), { ready: true, reasons: [] });
    assert.deepEqual(await json('/dry_run'), { code: 0, description: '', exception: null });
    reasons.push('no replica is serving');
    const unready = await request('/readyz');
    assert.deepEqual(
      [unready.status, await unready.json()],
      [503, { ready: false, reasons: ['no replica is serving'] }],
    );
    const dry = (await json('/dry_run')) as { code: number; description: string };
    assert.equal(dry.code, 1);
    assert.match(dry.description, /no replica is serving/);
    assert.equal((await request('/livez')).status, 200);
    const status = (await json('/status')) as {
      jina: Record<string, unknown>;
      envs: Record<string, unknown>;
    };
    assert.ok(
      [...Object.values(status.jina), ...Object.values(status.envs)].every(
        (value) => typeof value === 'string',
      ),
    );
    assert.equal(status.jina.jina, 'clip-server 1.2.3');
    const head = await request('/status', { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    const metrics = await request('/metrics');
    assert.match(metrics.headers.get('content-type')!, /^text\/plain/);
    assert.match(await metrics.text(), /clip_requests_total/);
    const docs = await (await request('/docs')).text();
    assert.match(docs, /\/encode/);
    assert.ok(docs.includes('A &#60;service&#62;.') && !docs.includes('<script') && !docs.includes('src='));
  });

  on(
    'the API document lists every route, and by no name that would lead the Python client away from /post',
    async ({ request }) => {
      const api = (await (await request('/openapi.json')).json()) as {
        openapi: string;
        info: { title: string };
        paths: Record<string, object>;
      };
      assert.deepEqual([api.openapi, api.info.title], ['3.1.0', 'My Jina Service']);
      const posts = Object.entries(api.paths).flatMap(([path, methods]) => ('post' in methods ? [path] : []));
      assert.deepEqual(posts.sort(), [
        '/encode/{model}',
        '/index',
        '/mine',
        '/post',
        '/search',
        '/v1/embeddings',
        '/v2/embed',
        '/{operation}',
      ]);
      const gets = Object.entries(api.paths).flatMap(([path, methods]) => ('get' in methods ? [path] : []));
      assert.deepEqual(gets.sort(), [
        '/',
        '/docs',
        '/dry_run',
        '/livez',
        '/metrics',
        '/openapi.json',
        '/readyz',
        '/redoc',
        '/status',
        '/v1/models',
        '/v1/models/{model}',
      ]);
      assert.ok(
        'delete' in api.paths['/delete']! && 'put' in api.paths['/update']! && 'get' in api.paths['/status']!,
      );
    },
    { gateway: { exposedEndpoints: [{ path: '/mine', methods: ['POST'], endpoint: '/encode' }] } },
  );

  on(
    'the fixed routes ignore the endpoint of the body, and encode without an indexer',
    async ({ request }) => {
      for (const [method, path] of [
        ['POST', '/index'],
        ['POST', '/search'],
        ['DELETE', '/delete'],
        ['PUT', '/update'],
      ] as const) {
        const response = await request(path, {
          method,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ data: [{ text: 'a' }], execEndpoint: '/rank' }),
        });
        const body = (await response.json()) as {
          header: { execEndpoint: string };
          data: { embedding: number[] }[];
        };
        assert.deepEqual(
          [response.status, body.header.execEndpoint, body.data[0]!.embedding],
          [200, path, text('a')],
        );
      }
    },
  );

  on(
    'endpoints can be exposed and taken away',
    async ({ request, post }) => {
      const status = async (path: string, method: string) => (await request(path, { method })).status;
      for (const path of ['/status', '/dry_run', '/post', '/index', '/search', '/delete', '/update'])
        for (const method of ['GET', 'POST']) assert.equal(await status(path, method), 404, path);
      assert.equal(await status('/', 'GET'), 200);
      const failing = { data: [{ text: 'fail:invalid_image' }] };
      const exposed = await post('/encode', failing);
      assert.deepEqual(
        [exposed.status, exposed.body.header.status.code, exposed.body.header.execEndpoint],
        [200, 1, '/foo'],
      );
    },
    {
      gateway: {
        debugEndpoints: false,
        crudEndpoints: false,
        exposedEndpoints: [{ path: '/encode', methods: ['POST', 'PUT'], endpoint: '/foo' }],
      },
    },
  );

  on(
    'CORS, off by default, lets any page in when it is on',
    async ({ request, post }) => {
      const preflight = await request('/post', {
        method: 'OPTIONS',
        headers: {
          origin: 'http://page',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-a, content-type',
        },
      });
      assert.deepEqual([preflight.status, await preflight.text()], [200, 'OK']);
      const header = (name: string) => preflight.headers.get(name);
      assert.equal(header('access-control-allow-origin'), 'http://page');
      assert.equal(header('access-control-allow-methods'), 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT');
      assert.equal(header('access-control-allow-headers'), 'x-a, content-type');
      assert.deepEqual(
        [header('access-control-max-age'), header('vary'), header('access-control-allow-credentials')],
        ['600', 'Origin', 'true'],
      );
      for (const answer of [
        await post('/post', {}, { origin: 'http://page' }),
        await post('/nothing', {}, { origin: 'http://page' }),
      ])
        assert.deepEqual(
          [
            answer.headers.get('access-control-allow-origin'),
            answer.headers.get('access-control-allow-credentials'),
          ],
          ['*', 'true'],
        );
      assert.equal((await post('/post', {})).headers.get('access-control-allow-origin'), null);
    },
    { gateway: { cors: true } },
  );

  on('no CORS headers without the setting', async ({ post }) => {
    assert.equal(
      (await post('/post', {}, { origin: 'http://page' })).headers.get('access-control-allow-origin'),
      null,
    );
  });

  on(
    'order and ids are kept over a thousand documents, in an answer that is written in slices',
    async ({ post }) => {
      const data = Array.from({ length: 1000 }, (_, i) => ({ id: `id ${i}`, text: `text ${i * 7}` }));
      const { body } = await post('/post', { data });
      for (const [i, document] of body.data.entries()) {
        assert.equal(document.id, `id ${i}`);
        assert.deepEqual(document.embedding, text(`text ${i * 7}`));
      }
    },
  );

  on(
    'closing turns readiness off first and finishes what is in flight',
    async ({ http, post, request, service }) => {
      let go = (): void => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      const arrived = new Promise<void>((resolve) => {
        service.work = async () => {
          resolve();
          await gate;
        };
      });
      const pending = post('/encode', { data: [{ text: 'a' }] });
      await arrived;
      const closed = http.close(10_000);
      await assert.rejects(request('/livez', { headers: { connection: 'close' } }));
      go();
      assert.deepEqual((await pending).body.data[0].embedding, text('a'));
      await closed;
      assert.equal(service.open, 0);
    },
  );
});
