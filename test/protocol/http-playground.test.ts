import assert from 'node:assert/strict';
import { vectorOf } from './fake-service.ts';
import { onBothServers, type Rig } from './rig.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const settings = { playground: true };

interface State {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly model?: Readonly<Record<string, unknown>>;
  readonly gallery: { readonly pictures: number; readonly embedded: number; readonly digest: string };
}

/** Fetches without what fetch adds by itself. */
function ask({ request }: Rig, path: string, accept: string | undefined): Promise<Response> {
  return request(path, accept === undefined ? {} : { headers: { accept } });
}

onBothServers((on) => {
  on(
    'clients of the API get what they always got at /, to the byte and the header',
    async (rig) => {
      for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/html;q=0']) {
        const response = await ask(rig, '/', accept);
        assert.equal(await response.text(), '{}', accept);
        const names = [...response.headers.keys()].filter((name) => !['date', 'uwebsockets'].includes(name));
        assert.deepEqual(names.filter((name) => !['connection', 'keep-alive'].includes(name)).sort(), [
          'content-length',
          'content-type',
        ]);
        assert.equal(response.headers.get('content-type'), 'application/json');
      }
    },
    settings,
  );

  on(
    'a browser gets the page at /, which may run nothing but its own files',
    async (rig) => {
      const response = await ask(rig, '/', BROWSER);
      assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.match(response.headers.get('vary')!, /^accept\b/);
      const policy = response.headers.get('content-security-policy')!;
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
      assert.ok(!policy.includes('unsafe'), policy);
      const html = await response.text();
      assert.ok(
        !/<style|<script(?! type="module" src="playground\/)| style=| on\w+=/.test(html),
        'nothing inline',
      );
      const files = [...html.matchAll(/(?:src|href)="(playground\/[^"]+)"/g)].map(([, path]) => path!);
      assert.ok(files.length > 3, files.join());
      for (const path of files) {
        const file = await ask(rig, `/${path}`, '*/*');
        assert.equal(file.status, 200, path);
        assert.equal(file.headers.get('x-content-type-options'), 'nosniff');
        assert.ok((await file.text()).length > 0, path);
      }
    },
    settings,
  );

  on(
    'where it is not, a browser gets what every client gets',
    async (rig) => {
      assert.equal(await (await ask(rig, '/', BROWSER)).text(), '{}');
      for (const path of ['/playground/main.js', '/playground/state', '/playground/nearest'])
        assert.equal((await ask(rig, path, BROWSER)).status, 404, path);
    },
    { playground: false },
  );

  on(
    'a page that is known is not sent again, and one that is asked for compressed comes so',
    async ({ request }) => {
      for (const path of ['/', '/playground/base.css', '/playground/search.js']) {
        const first = await request(path, { headers: { accept: BROWSER, 'accept-encoding': 'br' } });
        assert.equal(first.headers.get('content-encoding'), 'br', path);
        const etag = first.headers.get('etag')!;
        await first.text();
        const headers = { accept: BROWSER, 'if-none-match': `"other", ${etag}` };
        const again = await request(path, { headers });
        assert.deepEqual([again.status, await again.text()], [304, '']);
        assert.equal(again.headers.get('etag'), etag);
        assert.equal(again.headers.get('content-length'), null);
        const changed = await request(path, { headers: { accept: BROWSER, 'if-none-match': '"other"' } });
        assert.equal(changed.status, 200);
        await changed.text();
        const head = await request(path, { method: 'HEAD', headers: { accept: BROWSER } });
        assert.deepEqual([head.status, head.headers.get('etag')], [200, etag]);
      }
    },
    settings,
  );

  on(
    'the state tells whether the server is ready, what serves, and how far the gallery is',
    async ({ request, reasons, post }) => {
      const state = async () => (await (await request('/playground/state')).json()) as State;
      reasons.push('the model is still being loaded');
      const before = await state();
      assert.deepEqual([before.ready, before.reasons, before.model], [false, reasons, undefined]);
      reasons.pop();
      let now = await state();
      const { name, runtime, device, precision, width, resolution } = now.model!;
      assert.deepEqual(
        [name, runtime, device, precision, width, resolution],
        ['fake::model', 'fake', 'cpu', 'fp32', 4, 224],
      );
      while (now.gallery.embedded < now.gallery.pictures) now = await state();
      const names = await (await request(`/playground/names/${now.gallery.digest}`)).json();
      const at = (names as string[]).indexOf('red apple');
      const picture = await request(`/playground/pictures/${now.gallery.digest}/${at}`);
      assert.equal(picture.headers.get('content-type'), 'image/webp');
      assert.match(picture.headers.get('cache-control')!, /immutable/);
      const vector = vectorOf({ kind: 'image', bytes: new Uint8Array(await picture.arrayBuffer()) });
      const { body } = await post('/playground/nearest', { vector: [...vector], limit: 2 });
      assert.equal(body.matches.length, 2);
      assert.ok(Math.abs(body.matches[0].cosine - 1) < 1e-6, 'its own picture');
    },
    settings,
  );

  on(
    'a search says what it expected; a picture that is none is not found',
    async ({ request, post }) => {
      const { digest, pictures } = ((await (await request('/playground/state')).json()) as State).gallery;
      for (const path of [`${digest}/${pictures}`, `${digest}/-1`, `${digest}/x`, `${digest}/`, 'other/0'])
        assert.equal((await request(`/playground/pictures/${path}`)).status, 404, path);
      const refused = async (body: unknown) => {
        const answer = await post('/playground/nearest', body);
        return [answer.status, answer.body.detail?.[0].loc];
      };
      assert.deepEqual(await refused({}), [422, ['body', 'vector']]);
      assert.deepEqual(await refused({ vector: [1, '2'] }), [422, ['body', 'vector']]);
      assert.deepEqual(await refused('null'), [422, ['body', 'vector']]);
      for (const limit of [0, 97, 1.5, '3'])
        assert.deepEqual(await refused({ vector: [1, 2, 3, 4], limit }), [422, ['body', 'limit']]);
      const large = await post('/playground/nearest', `{"vector":[${'1,'.repeat(600_000)}1]}`);
      assert.equal(large.status, 413);
      assert.equal((await post('/playground/nearest', '{"vector":')).status, 422);
    },
    settings,
  );

  on(
    'the document of the API leaves it out: it steers clients, and this page is none',
    async ({ request }) => {
      const { paths } = (await (await request('/openapi.json')).json()) as { paths: object };
      assert.deepEqual(
        Object.keys(paths).filter((path) => path.startsWith('/playground')),
        [],
      );
    },
    settings,
  );
});
